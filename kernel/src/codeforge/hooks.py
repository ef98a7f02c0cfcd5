"""The markers of the hook system: what a plugin puts on its functions, and what the kernel puts on its specs."""

from __future__ import annotations

import pluggy

PROJECT = "codeforge"
GROUP = "codeforge"
"""The entry-point group in which plugin packages announce themselves."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
