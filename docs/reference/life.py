"""The picture of a run's life, drawn from the table of its changes: each arrow is there because the table has it."""

from __future__ import annotations

from codeforge.states import HELD, LIVE, MOVES, Move, RunState, Who

S = RunState
JUDGED = frozenset({S.REVIEW, S.FAILED, S.STOPPED})
PLACES = {
    S.QUEUED: (90, 110),
    S.PREPARING: (245, 110),
    S.WORKING: (395, 110),
    S.CHECKING: (545, 110),
    S.PAUSED: (245, 300),
    S.WAITING: (395, 300),
    S.REVIEW: (740, 110),
    S.FAILED: (740, 210),
    S.STOPPED: (740, 320),
    S.ACCEPTED: (893, 104),
    S.SENT_BACK: (893, 210),
    S.REJECTED: (893, 310),
}
"""Where the middle of each state's box is."""
FRAMES = ((16, 16, 609, 348, "not over"), (174, 78, 442, 88, "held by a worker"), (672, 78, 136, 294, "to be judged"))
ARROWS: tuple[tuple[frozenset[RunState] | RunState, RunState, str], ...] = (
    (S.QUEUED, S.PREPARING, "M145 110H188"),
    (S.PREPARING, S.WORKING, "M300 110H338"),
    (S.WORKING, S.CHECKING, "M450 110H488"),
    (S.CHECKING, S.WORKING, "M525 130V148H425V132"),
    (S.CHECKING, S.REVIEW, "M600 110H683"),
    (S.WORKING, S.REVIEW, "M410 90V62H730V88"),
    (HELD, S.QUEUED, "M200 78V56H105V88"),
    (HELD, S.FAILED, "M560 166V210H683"),
    (S.QUEUED, S.FAILED, "M75 90V34H655V200H683"),
    (S.QUEUED, S.PAUSED, "M78 130V308H188"),
    (S.PAUSED, S.QUEUED, "M190 290H106V132"),
    (S.PREPARING, S.PAUSED, "M235 130V278"),
    (S.WORKING, S.PAUSED, "M375 130L275 278"),
    (S.WORKING, S.WAITING, "M405 130V278"),
    (S.WAITING, S.PAUSED, "M340 300H302"),
    (S.WAITING, S.QUEUED, "M395 320V344H50V132"),
    (S.WAITING, S.FAILED, "M450 300H640V220H683"),
    (LIVE, S.STOPPED, "M625 326H683"),
    (JUDGED, S.SENT_BACK, "M808 210H836"),
    (JUDGED, S.REJECTED, "M808 310H836"),
    (S.REVIEW, S.ACCEPTED, "M795 104H836"),
    (S.FAILED, S.ACCEPTED, "M795 196H820V116H836"),
)
"""Which way each arrow takes; one that begins at several states begins at the frame around them."""
COLOURS = {Who.PERSON: "#3b6fd4", Who.REVIEWER: "#8a4fc0", Who.WORKER: "#5a6272", Who.SCHEDULER: "#b9721f"}
STYLE = (
    ".bg{fill:#fff}text{fill:#1f2430}.dim{fill:#5a6272;font-size:12px}.box{fill:#fff;stroke:#8a93a5}"
    ".frame{fill:none;stroke:#8a93a5;stroke-dasharray:3 4}.line{fill:none;stroke-width:1.5}"
    "@media (prefers-color-scheme:dark){.bg{fill:#0f131a}text{fill:#e6e9f0}.dim{fill:#a4adbf}"
    ".box{fill:#1d222d;stroke:#6b7487}.frame{stroke:#6b7487}}"
)


def picture() -> str:
    """The picture as SVG. Raises `ValueError` when a change of the table has no arrow, or an arrow no change."""
    drawn = {(before, after) for befores, after, _ in ARROWS for before in _each(befores)}
    legal = {(move.before, move.after) for move in MOVES}
    if drawn != legal:
        wrong = ", ".join(f"{one} to {two}" for one, two in sorted(drawn ^ legal))
        raise ValueError(f"The picture and the table of changes differ: {wrong} (docs/reference/life.py, ARROWS).")
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 964 410" role="img" aria-labelledby="t d" '
    words = "; ".join(f"{move.before} to {move.after} by {' or '.join(move.who)}" for move in MOVES)
    return "\n".join(
        (
            head + 'font-family="system-ui, sans-serif" font-size="14">',
            f'<title id="t">The life of a run</title>\n<desc id="d">{words.replace("_", " ")}.</desc>',
            f'<style>{STYLE}</style>\n<rect class="bg" width="964" height="410" rx="10"/>\n<defs>',
            *(_tip(who) for who in Who),
            "</defs>",
            *(_frame(*frame) for frame in FRAMES),
            *(_arrow(befores, after, way) for befores, after, way in ARROWS),
            *(_box(state, *PLACES[state]) for state in RunState),
            *(_legend(who, 36 + 150 * n) for n, who in enumerate(Who)),
            "</svg>\n",
        )
    )


def _each(befores: frozenset[RunState] | RunState) -> frozenset[RunState]:
    return befores if isinstance(befores, frozenset) else frozenset({befores})


def _tip(who: Who) -> str:
    head = f'<marker id="{who}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    return f'{head}<path fill="{COLOURS[who]}" d="M0 0 8 4 0 8z"/></marker>'


def _frame(x: int, y: int, width: int, height: int, words: str) -> str:
    rect = f'<rect class="frame" x="{x}" y="{y}" width="{width}" height="{height}" rx="10"/>'
    return f'{rect}<text class="dim" x="{x + width - 10}" y="{y + height - 9}" text-anchor="end">{words}</text>'


def _arrow(befores: frozenset[RunState] | RunState, after: RunState, way: str) -> str:
    moves = [move for move in MOVES if move.before in _each(befores) and move.after == after]
    who = moves[0].who[0]
    told = "&#10;".join(dict.fromkeys(_told(move) for move in moves))
    line = f'<path class="line" stroke="{COLOURS[who]}" marker-end="url(#{who})" d="{way}">'
    return f"{line}<title>{told}</title></path>"


def _told(move: Move) -> str:
    return f"{move.before} to {move.after}, by {' or '.join(move.who)}: {move.why}".replace("_", " ")


def _box(state: RunState, x: int, y: int) -> str:
    rect = f'<rect class="box" x="{x - 55}" y="{y - 20}" width="110" height="40" rx="6"/>'
    return f'{rect}<text x="{x}" y="{y + 5}" text-anchor="middle">{state.replace("_", " ")}</text>'


def _legend(who: Who, x: int) -> str:
    line = f'<path class="line" stroke="{COLOURS[who]}" marker-end="url(#{who})" d="M{x} 388h34"/>'
    return f'{line}<text class="dim" x="{x + 44}" y="392">{who}</text>'
