"""Writes each call down, once: what it may cost at most before it is made, and how it ended afterwards."""

from __future__ import annotations

import logging
import time
from dataclasses import fields

from codeforge import CodeForgeError, OverBudget, Tokens, Unauthorized, new_id
from codeforge_llm_litellm import bound
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes.keeping import Ended
from codeforge_llm_litellm.cassettes.record import document, put, written
from codeforge_llm_litellm.engines import Answer
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.transcript import Transcript, Used
from codeforge_llm_litellm.trouble import Trouble

log = logging.getLogger(__name__)


class Ledger:
    """The account of one call, from the moment at which it was let in."""

    def __init__(self, gateway: Gateway, call: Call) -> None:
        self._gateway, self._call, self._started = gateway, call, time.monotonic()
        self._id = new_id()
        self.transcript = Transcript()
        self.answer: Answer | None = None
        self.error = ""

    async def open(self, *, park: bool = True) -> None:
        """Reserve what the call may cost at most, before the provider is asked. Raises `Trouble` when a budget does
        not allow it; with ``park`` the run then waits until one does: leave it out where another target is tried.
        """
        call, target = self._call, self._call.target
        forge = self._gateway.forge
        prompt, completion = bound.of(call.body, target.max_output or forge.settings.max_output_tokens)
        try:
            await forge.calls.open(
                call.tenant_id,
                call_id=self._id,
                key_id=call.key_id,
                run_id=call.run_id,
                project_id=call.project_id,
                provider=target.provider,
                model=target.model,
                known=target.prices,
                prompt_tokens=prompt,
                completion_tokens=completion,
                protocol=call.protocol,
                route=call.route,
                streamed=call.stream,
                replayed=target.replay is not None,
                park=park,
            )
        except Unauthorized as error:
            raise Trouble(401, "run_ended", str(error)) from error
        except OverBudget as error:
            raise Trouble(error.status, error.slug, str(error), retry=False) from error
        except BaseException:  # the database may do it although nobody waits for that any more
            await self.close(Trouble(499, "client_gone", "The call was broken off before it was made."))
            raise

    async def close(self, trouble: Trouble | None = None) -> None:
        """Settle the call. Never raises what the database says: the answer has been paid for already, and what is not
        settled stays reserved.
        """
        call, answer = self._call, self.answer
        used, counted = self._used(trouble)
        price: int | None = None
        status = trouble.status if trouble else answer.status if answer else 500
        if error := trouble.message if trouble else self.error or self.transcript.error:
            error = await self._gateway.forge.clean(call.tenant_id, error)
        try:
            price = await self._gateway.forge.calls.settle(
                call.tenant_id,
                self._id,
                Tokens(**{part.name: getattr(used, part.name) for part in fields(Tokens)}),
                status=status,
                milliseconds=round((time.monotonic() - self._started) * 1000),
                counted=counted,
                replayed_cost=answer.cost_micro if answer else 0,
                error=error[:500].replace("\0", "").encode(errors="replace").decode(),  # what every database takes
            )
        except Exception:
            log.exception("A call of run %s was not settled: %s", call.run_id, used)
        else:
            ended = Ended(
                call_id=self._id, call=call, transcript=self.transcript, used=used, cost_micro=price, status=status,
                error=error,
            )  # fmt: skip
            self._gateway.keeper.take(ended)
        if call.target.record and status < 400 and not error:
            try:
                await self._keep(used, price)
            except (CodeForgeError, OSError):
                log.exception("A call of run %s was not recorded in %s", call.run_id, call.target.record)

    def _used(self, trouble: Trouble | None) -> tuple[Used, str]:
        if self.transcript.used:
            return self.transcript.used, "reported"
        refused = self.answer and self.answer.status >= 400
        if refused or (trouble and not trouble.sent):
            return Used(), "reported"
        return self.transcript.counted(self._call.body), "counted"

    async def _keep(self, used: Used, price: int | None) -> None:
        assert self._call.target.record
        text = written(document(self._call, self.transcript, used, price))
        put(self._call.target.record, await self._gateway.forge.exchanges.clean(self._call.tenant_id, text))
