"""OpenHands' SDK without what it would do on its own at an import: network, banner, logs, tools nobody uses."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import types
from pathlib import Path

ENVIRONMENT: dict[str, str] = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else litellm fetches one
    "LITELLM_MODE": "PRODUCTION",  # else litellm reads an .env file
    "HF_HUB_OFFLINE": "1",
    "OPENHANDS_SUPPRESS_BANNER": "1",
    "ALLOW_SHORT_CONTEXT_WINDOWS": "true",
    "LOG_AUTO_CONFIG": "false",
    "OTEL_SDK_DISABLED": "true",
    "ANONYMIZED_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
}
"""For the SDK alone: the agent's commands do not see it."""


_HOME = Path.home()
"""At the import, which in a warm parent is nobody's."""


def quiet() -> None:
    """To be called before the SDK is imported, and once more where the environment was set anew."""
    os.environ.update(ENVIRONMENT)
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    _bare("openhands.tools")


def move_home() -> None:
    """Let what the SDK reckoned from HOME while it was imported follow to the run's own."""
    for name, module in list(sys.modules.items()):
        if name.startswith("openhands."):
            for word, value in list(vars(module).items()):
                if isinstance(value, Path) and value.is_relative_to(_HOME):
                    setattr(module, word, Path.home() / value.relative_to(_HOME))


def _bare(package: str) -> None:
    """Let ``package`` be found without its __init__, which would import every tool that there is."""
    if package in sys.modules:
        return
    spec = importlib.util.find_spec(package.rpartition(".")[0])
    assert spec
    name = package.rpartition(".")[2]
    module = types.ModuleType(package)
    module.__path__ = [f"{folder}/{name}" for folder in spec.submodule_search_locations or ()]
    sys.modules[package] = module
