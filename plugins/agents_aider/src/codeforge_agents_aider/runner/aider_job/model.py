"""Aider's idea of the model: its settings by name, its calls through the gateway, its tokens counted offline."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aider import models, sendchat
from codeforge_agent.gateway import Gateway
from codeforge_agent.job import Job
from codeforge_agent.main import StepLimit
from codeforge_agent.report import Report

from .answer import Answer

WINDOW, OUTPUT = 128_000, 8_192
"""Assumed where nobody knows better."""
FORMATS = {"diff", "whole", "udiff", "diff-fenced"}
"""Ways of writing edits that Aider applies safely: its "patch" can write outside the repository."""


class GatewayModel(models.Model):  # type: ignore[misc]
    """One model for all of Aider's purposes. Streamed calls are the agent's steps, the others are summaries."""

    def __init__(self, job: Job, report: Report) -> None:
        self._job, self._steps = job, 0
        self.edit_format: str  # Aider fills it in by the name
        known = _known(job.model)
        super().__init__(known or job.model, weak_model=False, editor_model=False)
        self.name, self.weak_model, self.streaming = job.model, self, True
        self.edit_format = _edit_format(self.edit_format if known else None, job.provider)
        self.gateway, self._summaries = Gateway(job, report), Gateway(job, report)

    def get_model_info(self, model: str) -> dict[str, Any]:
        window, output = self._job.window or WINDOW, self._job.max_output or OUTPUT
        return {"max_input_tokens": window, "max_output_tokens": output, "max_tokens": output, "mode": "chat"}

    def validate_environment(self) -> dict[str, Any]:
        return {"missing_keys": [], "keys_in_environment": True}

    def send_completion(self, messages: Any, functions: Any, stream: bool, temperature: Any = None) -> Any:
        """(hash, answer), as Aider wants it. Temperature is left to the gateway: some models refuse any."""
        if self.is_deepseek_r1():
            messages = sendchat.ensure_alternating_roles(messages)
        if not stream:
            return hashlib.sha256(), _whole(Answer(self._summaries, self.name, messages))
        if not self.gateway.failure:
            if self._steps >= self._job.steps:
                raise StepLimit
            self._steps += 1
        return hashlib.sha256(), Answer(self.gateway, self.name, messages)

    def tokenizer(self, text: str) -> list[int]:
        return list(_encoding().encode_ordinary(text))

    def token_count(self, messages: Any) -> int:
        """Tokens of a text, a message or a list of messages, about."""
        if isinstance(messages, list):
            return sum(map(self.token_count, messages))
        text = messages["content"] if isinstance(messages, dict) else messages
        return len(self.tokenizer(str(text or "")))


def _known(name: str) -> str | None:
    """The name under which Aider has settings for this model, whatever provider stands before it."""
    names = {settings.name for settings in models.MODEL_SETTINGS}
    bare = name.rsplit("/", 1)[-1]
    return next((n for n in (name, bare, f"openai/{bare}", f"anthropic/{bare}", f"gemini/{bare}") if n in names), None)


def _edit_format(known: str | None, provider: str) -> str:
    """What Aider found to suit a model that it knows; else search and replace, which only small models find hard."""
    if known in FORMATS:
        return known
    return "whole" if provider == "ollama" else "diff"


@functools.cache
def _encoding() -> Any:
    """The encoding that litellm's package carries: nothing is downloaded."""
    import tiktoken

    carried = Path(models.__file__).parents[1] / "litellm" / "litellm_core_utils" / "tokenizers"
    os.environ["TIKTOKEN_CACHE_DIR"] = str(carried)
    return tiktoken.get_encoding("cl100k_base")


def _whole(answer: Answer) -> SimpleNamespace:
    content = "".join(chunk.choices[0].delta.content for chunk in answer)
    return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=content))], usage=answer.usage)
