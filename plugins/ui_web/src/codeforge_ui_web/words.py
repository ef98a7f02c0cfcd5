"""How facts read on a page: states, money, counts and times in words."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from codeforge import Model, Run, RunState, Usage
from codeforge.forge.costs import Cost

S = RunState
ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that cannot be seen, or that make text read as what it is not."""
STATES: dict[RunState, tuple[str, str]] = {
    S.QUEUED: ("Queued", "quiet"),
    S.PREPARING: ("Preparing", "live"),
    S.WORKING: ("Working", "live"),
    S.PAUSED: ("Paused", "wait"),
    S.CHECKING: ("Checking", "live"),
    S.WAITING: ("Waiting", "wait"),
    S.REVIEW: ("Waiting for review", "wait"),
    S.ACCEPTED: ("Accepted", "good"),
    S.SENT_BACK: ("Sent back", "quiet"),
    S.REJECTED: ("Rejected", "quiet"),
    S.FAILED: ("Failed", "bad"),
    S.STOPPED: ("Stopped", "quiet"),
}
"""A state's words and its colour."""
WAITS: dict[str, tuple[str, str]] = {
    "free_worker": ("Ready", "for a free worker"),
    "project_limit": ("At a limit", "at a project's limit"),
    "tenant_limit": ("At a limit", "at the limit of all"),
    "agent_limit": ("At a limit", "at an agent's limit"),
    "provider_limit": ("At a limit", "at a provider's limit"),
    "back_off": ("Back-off", "after a fault"),
    "not_before": ("Later", "for their time"),
    "hours": ("Out of hours", "out of hours"),
    "needs": ("Needs a task", "for other tasks"),
    "no_worker": ("No worker", "without a worker"),
    "no_label": ("No worker", "without a worker of their label"),
    "no_room": ("No room", "without a worker that has room on its disk"),
    "no_agent": ("No worker", "without a worker of their agent"),
    "draining": ("No worker", "for workers that drain"),
    "budget": ("Budget", "for a budget"),
    "quota": ("Quota", "for a provider's quota"),
}
"""Why runs wait: a word for one, and words behind a number of them."""


def waits(why: str, *, short: bool = False) -> str:
    """Why runs wait, as a word or behind a number; a reason that is new here as it is."""
    return WAITS.get(why, (plain(why), plain(why)))[not short]


def state(value: RunState) -> Markup:
    """A state as a small coloured label."""
    text, tone = STATES[value]
    return Markup('<span class="state {}">{}</span>').format(tone, text)


def number(value: float) -> str:
    """A count, such as 12,345."""
    return f"{value:,}"


def count(value: int, one: str, many: str = "") -> str:
    """A count with its noun: 1 file, 3 files."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def dollars(micro: int) -> str:
    """Micro-dollars as dollars: with as many places as a cheap run needs not to look free."""
    cents, rest = divmod(micro, 10_000)
    if 0 < micro < 100:
        return f"${micro / 1e6:.6f}"
    return f"${sum_of_dollars(round(micro, -2))}" if rest and micro < 1_000_000 else f"${cents / 100:,.2f}"


def sum_of_dollars(micro: int) -> str:
    """Micro-dollars as a number of dollars for a field, exact and without needless zeros."""
    whole, _, rest = f"{micro / 1e6:.6f}".partition(".")
    return f"{whole}.{rest.rstrip('0'):0<2}"


def cost(usage: Usage, *, scripted: bool = False) -> str:
    """What model calls cost, or why that is not known."""
    if scripted:
        return "nothing, scripted"
    if not usage.calls:
        return "no calls"
    if usage.cost_micro is not None:
        return dollars(usage.cost_micro)
    known = f"{dollars(usage.priced_micro)} and " if usage.unpriced < usage.calls else ""
    return f"{known}{count(usage.unpriced, 'unpriced call')}"


def told(cost: Cost) -> str:
    """A sum of calls in words: what is known of its cost, and how many calls are not in it."""
    if not cost.calls:
        return "no call"
    if cost.cost_micro is None:
        return f"{count(cost.unpriced, 'unpriced call')}"
    rest = f" and {count(cost.unpriced, 'unpriced call')}" if cost.unpriced else ""
    return f"{dollars(cost.cost_micro)}{rest}"


def spent(usage: Usage) -> str:
    """What is known of what calls cost; the page says beside it how many are not in that."""
    return "unpriced" if usage.calls and usage.unpriced == usage.calls else dollars(usage.priced_micro)


def price(micro_per_million: int | None) -> str:
    """A price per million tokens."""
    return "unknown" if micro_per_million is None else dollars(micro_per_million)


def scripted(model: Model | Run | str) -> bool:
    """Whether answers come from a cassette instead of a model."""
    name = model.name if isinstance(model, Model) else model.model if isinstance(model, Run) else model
    return name.startswith("replay/")


def when(moment: datetime | float | None) -> Markup:
    """A point in time: the date in the page, replaced by how long ago it was."""
    if moment is None:
        return Markup("never")
    if not isinstance(moment, datetime):
        try:
            moment = datetime.fromtimestamp(moment).astimezone()
        except (ValueError, OverflowError, OSError):
            return Markup("in an age or two")
    shown = f"{moment.day} {moment:%b %Y, %H:%M}"
    return Markup('<cf-time at="{}">{}</cf-time>').format(moment.isoformat(), shown)


def elapsed(run: Run) -> Markup:
    """How long a run has been at work; it runs on in the browser while the run does."""
    if run.started_at is None:
        return Markup("not begun")
    if run.state == S.PAUSED:
        worked = run.started_at + timedelta(seconds=run.worked)
        shown = '<cf-time since="{}" until="{}">{} s</cf-time> at work'
        return Markup(shown).format(run.started_at.isoformat(), worked.isoformat(), int(run.worked))  # noqa: S704
    until = Markup(' until="{}"').format(run.ended_at.isoformat()) if run.ended_at else ""
    seconds = int(((run.ended_at or run.started_at) - run.started_at).total_seconds())
    return Markup('<cf-time since="{}"{}>{} s</cf-time>').format(run.started_at.isoformat(), until, seconds)


def took(milliseconds: int) -> str:
    """How long something took, as exact as a person wants to know."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:,.1f} s"


def size(number: int) -> str:
    """Bytes, as much as a person wants to know."""
    for unit, least in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if number >= least:
            return f"{number / least:,.1f} {unit}"
    return f"{number} bytes"


def plain(value: str) -> str:
    """A name of the code as words: sent_back, nothing_changed."""
    return value.replace("_", " ")


def bare(text: str) -> str:
    """A line of a terminal without its colours and other control sequences."""
    sequences = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|[\x00-\x08\x0b-\x1f\x7f]"
    return re.sub(sequences, "", text)


def visible(text: str) -> Markup:
    """Text with its odd characters shown by number."""
    shown = ODD.sub(lambda found: f'<span class="odd">U+{ord(found[0]):04X}</span>', str(escape(text)))
    return Markup(shown)  # noqa: S704 - escaped, and the rest is ours


def ticks(text: str) -> Markup:
    """Text in which `names` stand between backticks, as the docstrings have them."""
    return Markup(re.sub(r"(`+)(.+?)\1", r"<code>\2</code>", str(escape(text))))  # noqa: S704 - escaped before


FILTERS = {
    "state": state,
    "number": number,
    "count": count,
    "told": told,
    "dollars": dollars,
    "sum_of_dollars": sum_of_dollars,
    "cost": cost,
    "spent": spent,
    "price": price,
    "scripted": scripted,
    "when": when,
    "elapsed": elapsed,
    "plain": plain,
    "size": size,
    "took": took,
    "ticks": ticks,
    "visible": visible,
    "waits": waits,
    "word": lambda value: STATES[value][0],
}
