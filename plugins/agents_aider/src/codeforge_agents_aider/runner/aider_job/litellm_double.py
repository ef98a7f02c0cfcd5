"""Stands in for litellm: Aider only ever speaks to the gateway, so 3 s and 70 MB of adapters need not be imported."""

from __future__ import annotations

import sys
from types import ModuleType

from codeforge_agent.gateway import Again, CallFailed, Final


def take_the_place() -> None:
    """Be the module that Aider imports as litellm; to be called before anything of Aider is imported.

    Aider sorts errors by the classes that it finds there by name: OpenAIError is one that it tries again after
    a pause, BadRequestError one that it gives up on.
    """
    double = ModuleType("litellm")
    sys.modules["litellm"] = double
    from aider.exceptions import EXCEPTIONS
    from aider.llm import litellm

    for known in EXCEPTIONS:
        setattr(double, known.name, type(known.name, (CallFailed,), {}))
    double.OpenAIError, double.BadRequestError = Again, Final  # type: ignore[attr-defined]
    litellm._lazy_module = double
