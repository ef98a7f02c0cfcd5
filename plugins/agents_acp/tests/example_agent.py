"""What an agent looks like that is written with the protocol's own library: it asks leave, then writes one file."""

import asyncio
from pathlib import Path
from typing import Any

from acp import PROTOCOL_VERSION, Agent, run_agent
from acp.helpers import text_block, update_agent_message
from acp.interfaces import Client
from acp.schema import (
    AgentCapabilities,
    InitializeResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ToolCallUpdate,
)

OPTIONS = [
    PermissionOption(option_id="yes", name="Allow once", kind="allow_once"),
    PermissionOption(option_id="no", name="Refuse", kind="reject_once"),
]


class Example(Agent):
    client: Client
    folder: Path

    def on_connect(self, conn: Client) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        return InitializeResponse(protocol_version=PROTOCOL_VERSION, agent_capabilities=AgentCapabilities())

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        self.folder = Path(cwd)
        return NewSessionResponse(session_id="only")

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> PromptResponse:
        path = str(self.folder / "example.txt")
        await self.say(session_id, f"I was told: {prompt[0].text}\n")
        tool = ToolCallUpdate(tool_call_id="t1", title="Write example.txt", kind="edit")
        told = await self.client.request_permission(session_id=session_id, tool_call=tool, options=OPTIONS)
        if told.outcome.outcome != "selected" or told.outcome.option_id != "yes":
            await self.say(session_id, "I may not.")
            return PromptResponse(stop_reason="end_turn")
        await self.client.write_text_file(session_id=session_id, path=path, content="hello\n")
        found = await self.client.read_text_file(session_id=session_id, path=path)
        await self.say(session_id, f"It holds {found.content!r}.")
        return PromptResponse(stop_reason="end_turn")

    async def cancel(self, session_id: str, **_: Any) -> None:
        pass

    async def say(self, session_id: str, text: str) -> None:
        await self.client.session_update(session_id=session_id, update=update_agent_message(text_block(text)))


if __name__ == "__main__":
    asyncio.run(run_agent(Example()))
