"""Writes each call down, once: whose figures, what it cost, and how it ended."""

from __future__ import annotations

import logging
import time

from codeforge import CodeForgeError
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes.keeping import Ended
from codeforge_llm_litellm.cassettes.record import document, put, written
from codeforge_llm_litellm.engines import Answer
from codeforge_llm_litellm.gateway import Gateway
from codeforge_llm_litellm.prices import cost
from codeforge_llm_litellm.transcript import Transcript, Used
from codeforge_llm_litellm.trouble import Trouble

log = logging.getLogger(__name__)


class Ledger:
    """The account of one call, from the moment at which it was let in."""

    def __init__(self, gateway: Gateway, call: Call) -> None:
        self._gateway, self._call, self._started = gateway, call, time.monotonic()
        self.transcript = Transcript()
        self.answer: Answer | None = None
        self.error = ""

    async def open(self) -> None:
        """Before the provider is asked. Raises `Trouble` when the call may not be made."""

    async def close(self, trouble: Trouble | None = None) -> None:
        """Record the call. Never raises what the database says: the answer has been paid for already."""
        call, answer = self._call, self.answer
        used, counted = self._used(trouble)
        price = cost(call.target.prices, used)
        if answer and answer.replayed:
            price = answer.cost_micro
        elif not used.prompt and not used.completion:
            price = 0  # nothing was used, so nothing is owed, whatever the price
        status = trouble.status if trouble else answer.status if answer else 500
        error = trouble.message if trouble else self.error or self.transcript.error
        try:
            call_id = await self._gateway.forge.calls.record(
                call.tenant_id,
                run_id=call.run_id,
                project_id=call.project_id,
                provider=call.target.provider,
                model=f"{call.target.provider}/{call.target.model}",
                status=status,
                streamed=call.stream,
                milliseconds=round((time.monotonic() - self._started) * 1000),
                counted="unpriced" if price is None else counted,
                prompt_tokens=used.prompt,
                completion_tokens=used.completion,
                cached_tokens=used.cached,
                cost_micro=price,
                replayed=bool(answer and answer.replayed),
                route=call.route,
                error=error[:500].replace("\0", "").encode(errors="replace").decode(),  # what every database takes
            )
        except Exception:
            log.exception("A call of run %s was not written down: %s, cost %s", call.run_id, used, price)
        else:
            ended = Ended(
                call_id=call_id, call=call, transcript=self.transcript, used=used, cost_micro=price, status=status,
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
