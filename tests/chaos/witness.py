"""What the agents themselves have told, in a folder that no part of the system knows of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Execution:
    """One generation of a run, as its agent told it; ``times`` are those of the monotonic clock."""

    run: str
    generation: int
    times: list[float] = field(default_factory=list)
    wrote: list[str] = field(default_factory=list)
    begins: int = 0
    ended: bool = False

    @property
    def first(self) -> float:
        return self.times[0]

    @property
    def last(self) -> float:
        return self.times[-1]


def read(folder: Path) -> dict[str, list[Execution]]:
    """Every execution so far, by run, in the order of the generations."""
    found: dict[str, list[Execution]] = {}
    for file in folder.iterdir():
        run, _, generation = file.name.partition("-")
        execution = Execution(run, int(generation))
        for line in file.read_text().splitlines():
            at, _, word = line.partition(" ")
            execution.times.append(float(at))
            execution.begins += word == "begin"
            execution.ended |= word == "end"
            if word.startswith("wrote "):
                execution.wrote.append(f"{file.name}-{word.removeprefix('wrote ')}")
        if execution.times:
            execution.times.sort()
            found.setdefault(run, []).append(execution)
    for executions in found.values():
        executions.sort(key=lambda e: e.generation)
    return found
