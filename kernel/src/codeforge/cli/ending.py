"""How a command ends: an exit code, and for every error one sentence instead of a traceback."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Sequence

import click

from codeforge.cli.words import say, silence
from codeforge.errors import CodeForgeError

INTERRUPTED = 130


def guarded(command: Callable[[], object], words: Sequence[str]) -> int:
    """Call ``command`` and give the exit code; ``words`` are the command line's, to see whether --debug is on."""
    logging.getLogger().addHandler(logging.NullHandler())  # commands speak for themselves
    debug = "--debug" in words[: next((n for n, word in enumerate(words) if not word.startswith("-")), len(words))]
    try:
        result = command()
        if sys.stdout:  # None where a service has closed it
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads our output has seen enough
        silence(sys.stdout)
        return 1
    except CodeForgeError as error:
        if debug:
            traceback.print_exc()
        say(str(error), colour="red")
        return 1
    except Exception as error:
        _unexpected(error, debug)
        return 1
    return result if isinstance(result, int) else 0


def _unexpected(error: Exception, debug: bool) -> None:
    from codeforge.cli.journal import note_crash

    what = f"CodeForge failed unexpectedly ({type(error).__name__}: {error})".splitlines()[0]
    if debug:
        traceback.print_exc()
        say(f"{what}.", colour="red")
    elif path := note_crash(error):
        say(f"{what}: the details are in {path}.", colour="red")
    else:
        say(f"{what}: call `codeforge --debug ...` to see where.", colour="red")
