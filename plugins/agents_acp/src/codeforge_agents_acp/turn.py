"""One turn of an agent: open or take up its session, hand it the prompt, and judge how it ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from codeforge import AgentEvent, AgentJob, Reason, ended
from codeforge_agents_acp.client import Client
from codeforge_agents_acp.memory import Memory
from codeforge_agents_acp.relay import Relay
from codeforge_agents_acp.updates import Updates

if TYPE_CHECKING:
    from acp.connection import Connection
    from acp.exceptions import RequestError

POLITE = 0.5
"""Seconds for an agent that is told to stop to do so by itself."""
LATE = 0.2
"""Seconds of silence after which an agent that ended its turn has no more to tell of it."""
LATEST = 2.0
"""Seconds after which it is listened to no more in any case."""
AUTH_REQUIRED = -32000
CAPABILITIES = {"fs": {"readTextFile": True, "writeTextFile": True}, "terminal": False}
_MARKS = ("/", "!", "#", "@", "?")
"""What agents take for commands of their own at the beginning of a prompt."""


class Turn:
    """``name`` is the agent's, for sentences; ``auth`` the way to sign in that it is to use, if any."""

    def __init__(
        self,
        job: AgentJob,
        connection: Connection,
        client: Client,
        updates: Updates,
        relay: Relay,
        *,
        name: str,
        auth: str,
        start_timeout: float,
    ) -> None:
        self._job, self._connection, self._client, self._updates = job, connection, client, updates
        self._relay, self._name, self._auth, self._start_timeout = relay, name, auth, start_timeout
        self._memory = Memory.read(job.state) if job.follow_up else Memory(job.state / "acp.json")

    async def take(self) -> AgentEvent:
        """The agent's last word. Raises `ConnectionError` when it breaks off. Cancelled, it tells the agent."""
        from acp.exceptions import RequestError

        try:
            async with asyncio.timeout(self._start_timeout) as limit:
                forgets = await self._open()
        except TimeoutError:
            if not limit.expired():
                raise
            return ended(Reason.AGENT_ERROR, f"{self._name} opened no session in {self._start_timeout:g} s.")
        except RequestError as error:
            return self._refused(error)
        self._memory.write()
        prompt = self._memory.retold(self._job.prompt, self._job.model.window) if forgets else self._job.prompt
        answer = asyncio.create_task(self._ask("session/prompt", prompt=[{"type": "text", "text": _plain(prompt)}]))
        try:
            last = await self._judged(answer)
            if answer.done():
                await self._heard_out()
            return last
        finally:
            if not answer.done():
                await self._stop(answer)
            self._updates.flush()
            self._memory.add(self._job.prompt, self._updates.words)
            self._memory.write()

    async def _open(self) -> bool:
        """Have a session; gives whether it knows nothing of the turns before."""
        from acp import PROTOCOL_VERSION
        from acp.exceptions import RequestError

        told = {"protocolVersion": PROTOCOL_VERSION, "clientCapabilities": CAPABILITIES}
        client = {"name": "codeforge", "title": "CodeForge", "version": "0.1.0"}
        met = await self._connection.send_request("initialize", {**told, "clientInfo": client})
        version = met.get("protocolVersion") if isinstance(met, dict) else None
        if version != PROTOCOL_VERSION:
            raise RequestError(0, f"it speaks version {version} of the protocol, and CodeForge {PROTOCOL_VERSION}")
        await self._sign_in(met.get("authMethods"))
        place = {"cwd": str(self._job.workspace.resolve()), "mcpServers": []}
        if self._memory.session and (met.get("agentCapabilities") or {}).get("loadSession"):
            self._client.quiet = True
            try:
                await self._connection.send_request("session/load", {**place, "sessionId": self._memory.session})
            except RequestError:  # it has lost it
                pass
            else:
                return False
            finally:
                self._client.quiet = False
        made = await self._connection.send_request("session/new", place)
        self._memory.session = str(made["sessionId"]) if isinstance(made, dict) and "sessionId" in made else ""
        if not self._memory.session:
            raise RequestError(0, "it opened a session without an id")
        return True

    async def _sign_in(self, offered: object) -> None:
        """Sign in by the way of the settings; one that the agent does not have may not be needed, but is told of."""
        ways = [way.get("id") for way in offered if isinstance(way, dict)] if isinstance(offered, list) else []
        if self._auth in ways:
            await self._connection.send_request("authenticate", {"methodId": self._auth})
        elif self._auth:
            known = ", ".join(map(str, ways)) or "none"
            self._updates.log(f"{self._name} has no way to sign in called {self._auth!r}; those it has: {known}.")

    async def _heard_out(self) -> None:
        """Wait for what comes late: opencode answers and tells by two ways, and under load the words are slower."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LATEST):
                heard = -1
                while heard != self._updates.heard:
                    heard = self._updates.heard
                    await asyncio.sleep(LATE)

    async def _ask(self, method: str, **params: Any) -> Any:
        return await self._connection.send_request(method, {"sessionId": self._memory.session, **params})

    async def _judged(self, answer: asyncio.Task[Any]) -> AgentEvent:
        """Wait for the prompt's answer, as long as it makes sense."""
        from acp.exceptions import RequestError

        over = asyncio.create_task(self._relay.over.wait())
        try:
            await asyncio.wait([answer, over], timeout=self._job.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        limits = self._job.limits
        if self._relay.spent:
            return ended(Reason.STEP_LIMIT, f"{self._name} used up its {limits.steps} model calls.")
        if not answer.done() and not self._relay.over.is_set():
            return ended(Reason.TIME_LIMIT, f"{self._name} worked for longer than {limits.seconds} s.")
        if not answer.done():
            return self._failed() or ended(Reason.MODEL_UNREACHABLE, "The model answers no more.")
        try:
            told = answer.result()
        except RequestError as error:
            return self._failed() or self._refused(error)
        return self._failed() or _stopped(self._name, told.get("stopReason") if isinstance(told, dict) else None)

    def _failed(self) -> AgentEvent | None:
        """How the model let it down, where its last call failed: agents end their turn then as if all were well."""
        trouble = self._relay.trouble
        return ended(trouble.reason, trouble.words) if trouble else None

    def _refused(self, error: RequestError) -> AgentEvent:
        data = error.data.get("details") or error.data.get("message") if isinstance(error.data, dict) else error.data
        words = f"{error}{f' ({data})' if data else ''}"[:1000]
        if error.code == AUTH_REQUIRED:
            return ended(Reason.MODEL_AUTH, f"{self._name} wants to be signed in: {words}")
        return ended(Reason.AGENT_ERROR, f"{self._name} failed: {words}")

    async def _stop(self, answer: asyncio.Task[Any]) -> None:
        """Tell the agent to stop, and let it for a moment."""
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(POLITE):
                await self._connection.send_notification("session/cancel", {"sessionId": self._memory.session})
                await asyncio.wait([answer])
        answer.cancel()
        await asyncio.wait([answer])


def _stopped(name: str, reason: object) -> AgentEvent:
    match reason:
        case "end_turn":
            return ended()
        case "max_turn_requests":
            return ended(Reason.STEP_LIMIT, f"{name} used up the model calls that it allows itself.")
        case "max_tokens":
            return ended(Reason.BAD_OUTPUT, f"An answer of the model to {name} was longer than it may be.")
        case "refusal":
            return ended(Reason.MODEL_REFUSED, f"{name} refuses to go on.")
    return ended(Reason.AGENT_ERROR, f"{name} ended its turn by itself: {reason}.")


def _plain(prompt: str) -> str:
    """A prompt that no agent takes for a command of its own."""
    return f"The task:\n{prompt}" if prompt.lstrip().startswith(_MARKS) else prompt
