"""Confines runs with bubblewrap: they see their workspace and the system's programs, and reach the model gateway."""

from collections.abc import Iterable

from codeforge import Sandbox, Settings, hookimpl
from codeforge_sandbox_bubblewrap.sandbox import Bubblewrap

__all__ = ["Bubblewrap", "register_sandboxes"]


@hookimpl
def register_sandboxes(settings: Settings) -> Iterable[Sandbox]:
    return [Bubblewrap(hidden=(settings.data_dir,))]
