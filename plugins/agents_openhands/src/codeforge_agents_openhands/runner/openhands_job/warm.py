"""All that a run imports: a warm parent imports it once, for all runs that are forked from it."""

from .quiet import quiet

quiet()

from . import calls, conversation, screen, turn, work  # noqa: E402

__all__ = ["calls", "conversation", "screen", "turn", "work"]
