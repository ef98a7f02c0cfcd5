"""All that a run imports; ``seen`` would tell of other runs."""

from . import work

__all__ = ["seen", "work"]
seen: list[str] = []
