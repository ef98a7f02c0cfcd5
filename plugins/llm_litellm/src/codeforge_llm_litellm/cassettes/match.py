"""Finds the exchange that answers a request, or says in one sentence why none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codeforge_llm_litellm.cassettes import normal
from codeforge_llm_litellm.cassettes.difference import Difference, cut, difference
from codeforge_llm_litellm.cassettes.fixture import Fixture


def choose(fixtures: Sequence[Fixture], asked: dict[str, Any], played: Sequence[Fixture]) -> Fixture | None:
    """The answer to ``asked`` (normalised) in a run that ``played`` these already: by hash, else by the match rules.

    Where the same question was recorded several times, each answer is given once, in order, the last one again.
    """
    sha = normal.digest(asked)
    if same := [fixture for fixture in fixtures if fixture.sha256 == sha]:
        return next((fixture for fixture in same if fixture not in played), same[-1])
    loose = (fixture for fixture in fixtures if not fixture.exact)
    return next((fixture for fixture in loose if _unmet(fixture, asked, played) == ""), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Miss:
    """Why no exchange answers a request: how it differs from the ``nearest``, and where, if that was recorded."""

    why: str
    nearest: Fixture | None = None
    difference: Difference | None = None


def miss(fixtures: Sequence[Fixture], asked: dict[str, Any], played: Sequence[Fixture]) -> Miss:
    """How the request differs from the nearest exchange, which for a whole run's is one that was not given yet."""
    left = [fixture for fixture in fixtures if not (fixture.exact and fixture in played)]
    if not left:
        given = f"all of its {len(played)} exchanges were given already" if fixtures else "it holds no exchange"
        return Miss(why=given)
    nearest = max(left, key=lambda fixture: _nearness(fixture, asked, played))
    if nearest.asked:
        found = difference(nearest.asked, asked)
        return Miss(why=f"the nearest is {nearest.file}, where {found}", nearest=nearest, difference=found)
    return Miss(why=f"the nearest is {nearest.file}, which wants {_unmet(nearest, asked, played)}", nearest=nearest)


def _unmet(fixture: Fixture, asked: dict[str, Any], played: Sequence[Fixture]) -> str:
    """The first rule that does not hold, in words; empty when all hold."""
    if not fixture.match:
        return "" if not fixture.sha256 else "exactly the recorded request"
    for rule, wanted in fixture.match.items():
        if why := _broken(rule, wanted, fixture, asked, played):
            return why
    return ""


def _broken(rule: str, wanted: Any, fixture: Fixture, asked: dict[str, Any], played: Sequence[Fixture]) -> str:
    """Why one rule does not hold, in words; empty when it does."""
    last = normal.messages(asked)[-1] if normal.messages(asked) else {}
    match rule:
        case "userMessage":
            said = normal.last_user_text(asked)
            holds, why = _in(wanted, said), f"{cut(wanted)!r} in the last user message, which is {cut(said)!r}"
        case "systemMessage":
            system = "\n".join(normal.content(m) or "" for m in normal.messages(asked) if m.get("role") == "system")
            wants = wanted if isinstance(wanted, list) else [wanted]
            holds, why = all(_in(one, system) for one in wants), f"{cut(wanted)!r} in the system message"
        case "turnIndex":
            turn = normal.turn(asked)
            holds, why = wanted == turn, f"turn {wanted}, and this is turn {turn}"
        case "hasToolResult":
            holds, why = wanted == normal.has_tool_result(asked), f"{'a' if wanted else 'no'} tool's result"
        case "sequenceIndex":
            done = sum({**one.match, rule: 0} == {**fixture.match, rule: 0} for one in played)
            holds, why = wanted == done, f"to be given as number {wanted}, and this is number {done}"
        case "toolCallId":
            holds, why = last.get("tool_call_id") == wanted, f"the result of tool call {wanted}"
        case _:  # toolResultContains
            said = (normal.content(last) or "") if last.get("role") == "tool" else ""
            holds, why = _in(wanted, said), f"{cut(wanted)!r} in the last tool's result"
    return "" if holds else why


def _in(wanted: object, said: str) -> bool:
    return normal.text(str(wanted)) in said


def _nearness(fixture: Fixture, asked: dict[str, Any], played: Sequence[Fixture]) -> tuple[float, float]:
    was = normal.messages(fixture.asked)
    same = sum(a == b for a, b in zip(was, normal.messages(asked), strict=False))
    rules = sum(not _broken(rule, wanted, fixture, asked, played) for rule, wanted in fixture.match.items())
    return (same - abs(len(was) - len(normal.messages(asked))) if was else 0, rules)
