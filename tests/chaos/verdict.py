"""The proof: each check gives the sentences that say what was broken, none when all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from chaos.evidence import Evidence, Told
from chaos.monkey import Hurt
from codeforge.model import ENDED

WORD = 0.05
"""Seconds by which a line and an answer may cross each other."""
Check = Callable[[Evidence], list[str]]


def ended(e: Evidence) -> list[str]:
    """Every accepted run ended, for a true reason."""
    wrong = []
    for run_id, run in e.runs.items():
        state, reason = run["state"], run["reason"]
        last = e.executions.get(run_id, [])[-1:]
        if state not in ENDED:
            wrong.append(f"run {run_id} is still {state}: {run['detail']}")
        elif state == "stopped" and run_id not in e.stopped:
            wrong.append(f"run {run_id} stopped, and nobody asked for it")
        elif state == "failed" and not _true(e, run_id, reason):
            wrong.append(f"run {run_id} failed for {reason}: {run['detail']}")
        elif state == "review" and (not last or not last[0].ended):
            wrong.append(f"run {run_id} is in review, and its agent never came to its end")
    return wrong


def _true(e: Evidence, run_id: str, reason: str) -> bool:
    """Whether a run may have failed for that reason, given what was done to it."""
    folders = {f"{run_id}-{told}" for told in range(1, 100)}
    killed = bool(folders & e.killed_agents)
    full = any(hurt.kind == "fill disk" for hurt in e.hurts)
    if reason == "lost":
        words = "gave no word any more", "Its worker died while it was being paused"
        details = [told.data.get("detail", "") for told in e.events[run_id] if told.kind == "state"]
        return sum(any(word in detail for word in words) for detail in details) >= 3
    return {"agent_error": killed or full, "disk_full": full}.get(reason, False)


def never_twice(e: Evidence) -> list[str]:
    """No run executed twice at once."""
    wrong = []
    for run_id, executions in e.executions.items():
        doubled = [one for one in executions if one.begins != 1]
        wrong += [f"run {run_id}: generation {one.generation} began {one.begins} times" for one in doubled]
        for one, other in pairwise(executions):
            if one.last > other.first:
                by = one.last - other.first
                wrong.append(f"run {run_id}: generations {one.generation} and {other.generation} overlap by {by:.3f} s")
    return wrong


def events_once(e: Evidence) -> list[str]:
    """Events have no gaps; each line of each execution was stored once, in order, within its generation."""
    wrong = []
    for run_id, told in e.events.items():
        if [event.seq for event in told] != list(range(1, len(told) + 1)):
            wrong.append(f"run {run_id}: the numbers of its events have gaps")
        if sorted(told, key=lambda event: event.offset) != told:
            wrong.append(f"run {run_id}: its events are out of order")
        wrong += _lines_once(e, run_id, told)
    return wrong


def _lines_once(e: Evidence, run_id: str, told: list[Told]) -> list[str]:
    generation, expected, wrong = 0, 1, []
    for event in told:
        text = str(event.data.get("text", ""))
        if event.kind == "state" and event.data["state"] == "preparing":
            generation, expected = generation + 1, 1
        elif event.kind == "said" and text.startswith("line "):
            if text != f"line {generation} {expected}":
                wrong.append(f"run {run_id}: {text!r} stands where line {generation} {expected} belongs")
            expected += 1
    run = e.runs.get(run_id)
    if run and run["state"] == "review" and expected != e.lines[run_id] + 1:
        wrong.append(f"run {run_id} is in review with {expected - 1} lines of {e.lines[run_id]} in its history")
    return wrong


def streams_whole(e: Evidence) -> list[str]:
    """Who reconnected saw the same as the database has."""
    wrong = []
    stored = sorted((event.offset, event.run, event.seq) for told in e.events.values() for event in told)
    for number, stream in enumerate(e.streams):
        first = stream.events[0][0] if stream.events else 0
        expected = [event for event in stored if event[0] >= first]
        if stream.events != expected:
            missing, much = set(expected) - set(stream.events), len(stream.events) - len(set(stream.events))
            wrong.append(
                f"stream {number} saw {len(stream.events)} events of {len(expected)}: "
                f"{len(missing)} missing, {much} twice, first missing {min(missing, default=None)}"
            )
    for sse in e.sses:
        expected_seqs = [event.seq for event in e.events[sse.run_id]]
        if sse.seqs != expected_seqs:
            wrong.append(f"the follower of run {sse.run_id} saw {sse.seqs[-1:]} of {len(expected_seqs)} events")
    return wrong


def nothing_missing(e: Evidence) -> list[str]:
    """Every line that an agent says it wrote is in commits that the servers have, and a change shows all of its own."""
    wrong = [f"run {run_id}: {diff}" for run_id, diff in e.shown.items() if diff.startswith("no diff: ")]
    for run_id, executions in e.executions.items():
        kept = e.kept.get(run_id, set())
        lacking = [one for one in executions if not kept.issuperset(one.wrote)]
        wrong += [f"run {run_id}: lines of generation {one.generation} are lost" for one in lacking]
        run, last = e.runs.get(run_id), executions[-1]
        if run and run["state"] == "review":
            shown = set(e.shown.get(run_id, "").replace("+", " ").split())
            if set(last.wrote) - shown:
                wrong.append(f"run {run_id}: its change lacks lines that its agent wrote")
    return wrong


def nothing_left(e: Evidence) -> list[str]:
    """No process and no workspace is left."""
    return [f"process left: {one}" for one in e.left_processes] + [f"folder left: {one}" for one in e.left_folders]


def no_lies(e: Evidence) -> list[str]:
    """What the API showed agrees with what the executions did."""
    wrong, over = [], dict[str, float]()
    words: dict[str, tuple[float, float | None]] = {}
    """When each run that is shown as working gave its last word, and the lease that it had then."""
    for seen in e.seen:
        times = [at for one in e.executions.get(seen.run, []) for at in one.times]
        if seen.state in ENDED:
            if seen.run not in over and (late := [at for at in times if at > seen.told + WORD]):
                wrong.append(f"run {seen.run} wrote {max(late) - seen.told:.2f} s after it was shown as {seen.state}")
            over.setdefault(seen.run, seen.told)
        elif seen.asked > over.get(seen.run, seen.asked):
            wrong.append(f"run {seen.run} was over, and then {seen.state} again")
        if seen.state != "working":
            words.pop(seen.run, None)
            continue
        word, lease = words.get(seen.run, (seen.asked, None))
        if seen.lease != lease:
            word, lease = seen.told, seen.lease
        word = max([word, *(at for at in times if at <= seen.told)])
        words[seen.run] = word, lease
        silence = seen.asked - word
        if silence > _bearable(e, word, seen.asked):
            wrong.append(f"run {seen.run} was shown as working {silence:.1f} s after its last word")
            words[seen.run] = seen.told, lease
    return wrong


BLIND = frozenset({"kill database", "kill server", "freeze server", "jump clock", "kill broker"})
"""While one of these lasts, and half a lease longer, servers cannot tell who lives."""


def _bearable(e: Evidence, since: float, until: float) -> float:
    """For how long a dead run may be shown as working: a lease, a look each second, and what blinds the servers."""
    blind = [h for h in e.hurts if h.kind in BLIND and h.began < until and h.ended > since - e.lease]
    return e.lease + 3 + sum(_length(hurt) + e.lease for hurt in blind)


def _length(hurt: Hurt) -> float:
    return hurt.ended - hurt.began


CHECKS: dict[str, Check] = {
    "ended": ended,
    "never twice": never_twice,
    "events once": events_once,
    "streams whole": streams_whole,
    "nothing lost": nothing_missing,
    "nothing left": nothing_left,
    "no lies": no_lies,
}


def judge(e: Evidence) -> dict[str, list[str]]:
    """What each check found."""
    return {name: check(e) for name, check in CHECKS.items()}


def take_overs(e: Evidence) -> list[float]:
    """Seconds from the last word of a lost execution to the first of the next, where nothing but the lease was in
    the way: first losses of runs, without back-off.
    """
    found = []
    for run_id, executions in e.executions.items():
        states = [told.data for told in e.events.get(run_id, []) if told.kind == "state"]
        numbers = Counter[str]()
        for before, after in pairwise(states):
            numbers[before["state"]] += 1
            if "gave no word any more" in after.get("detail", ""):
                lost = numbers["preparing"]
                pair = {one.generation: one for one in executions if one.generation in (lost, lost + 1)}
                if len(pair) == 2:
                    found.append(pair[lost + 1].first - pair[lost].last)
                break
    return found
