"""What people say to the agent while it works: files that come into the job's folder and go when they are read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .job import Job


def heard(job: Job) -> list[str]:
    """The words that came since the last look, the oldest first; each is given once."""
    words = []
    with suppress(OSError):
        for path in sorted((Path(job.state) / "inbox").glob("*.txt")):
            words.append(path.read_text(encoding="utf-8"))
            path.unlink()
    return words
