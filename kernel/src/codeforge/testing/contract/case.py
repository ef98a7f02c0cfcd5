"""The cases of the contract, and how one is run outside of pytest."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from codeforge.agents import AgentBackend
    from codeforge.testing.contract.dialect import Dialect
    from codeforge.testing.contract.trial import Trial

CASE_SECONDS = 90.0


class Skipped(Exception):
    """The agent cannot do what the case is about; the text says what."""


@dataclass(frozen=True, slots=True)
class Case:
    """One sentence about every agent, and the proof of it: it raises `AssertionError` where it does not hold.

    ``quick`` are those that are worth their time in every run of the tests.
    """

    name: str
    prove: Callable[[Trial], Awaitable[None]]
    quick: bool = False

    @property
    def topic(self) -> str:
        """What it is about, such as "stops": the module that it stands in."""
        return self.prove.__module__.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Result:
    """How a case came out, after how many seconds, in ``words`` where it did not hold."""

    case: str
    verdict: Literal["holds", "fails", "skipped"]
    seconds: float
    words: str = ""


CASES: list[Case] = []


def case(prove: Callable[[Trial], Awaitable[None]], *, quick: bool = False) -> Callable[[Trial], Awaitable[None]]:
    """Add a case; its name is that of the function, read as a sentence."""
    CASES.append(Case(prove.__name__.replace("_", " "), prove, quick))
    return prove


quick_case = partial(case, quick=True)


async def examine(
    agent: AgentBackend, dialect: Dialect, cases: Sequence[Case], *, told: Callable[[Result], None], at_once: int = 2
) -> list[Result]:
    """Run ``cases``, ``at_once`` of them at a time; each result is ``told`` when it is there."""
    slots = asyncio.Semaphore(at_once)

    async def one(case: Case) -> Result:
        async with slots:
            result = await _result(agent, dialect, case)
            told(result)
            return result

    return list(await asyncio.gather(*map(one, cases)))


async def _result(agent: AgentBackend, dialect: Dialect, case: Case) -> Result:
    from codeforge.testing.contract.trial import trial

    began, verdict, words = time.monotonic(), "holds", ""
    with tempfile.TemporaryDirectory(prefix="codeforge-contract-") as folder:
        try:
            async with asyncio.timeout(CASE_SECONDS), trial(agent, dialect, Path(folder)) as given:
                await case.prove(given)
        except Skipped as skipped:
            verdict, words = "skipped", str(skipped)
        except TimeoutError:
            verdict, words = "fails", f"it took longer than {CASE_SECONDS:.0f} s"
        except Exception as error:
            verdict, words = "fails", str(error) or type(error).__name__
    return Result(case.name, verdict, round(time.monotonic() - began, 1), words)  # type: ignore[arg-type]
