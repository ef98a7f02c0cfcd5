"""Tries a model: one short prompt through the gateway, as an agent would send it, written down like any call."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from codeforge.forge import Forge
from codeforge.model import Principal, Usage

PROMPT = "Say hello in one short sentence."
MOST = 300
"""Tokens that an answer may have; one that thinks first needs some for that."""
PATIENCE = 45.0
"""Seconds until an answer is given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """How a model answered. ``model`` is the one that did, ``attempts`` what the gateway wrote down, oldest first.

    ``detail`` says in one sentence why there is no ``answer``.
    """

    ok: bool
    model: str
    answer: str
    detail: str
    milliseconds: int
    usage: Usage
    attempts: tuple[dict[str, Any], ...]


async def attempt(forge: Forge, who: Principal, model: str, prompt: str = PROMPT, *, project_id: str = "") -> Trial:
    """Send ``prompt`` to a model or an alias, as they count in a project. Raises `NotFound`."""
    found = await forge.models.find(who, model, project_id)
    async with forge.keys.lent(who, found.name, project_id, PATIENCE) as (key, name):
        began = asyncio.get_running_loop().time()
        answer, detail = await _asked(f"{forge.url}/llm/v1/chat/completions", key, found.name, prompt)
        took = asyncio.get_running_loop().time() - began
    calls = await forge.calls.of_run(who, name)
    return Trial(
        ok=not detail,
        model=calls[-1]["model"] if calls else found.name,
        answer=answer,
        detail=detail,
        milliseconds=round(took * 1000),
        usage=await forge.calls.used(who, name),
        attempts=tuple(calls),
    )


async def _asked(url: str, key: str, model: str, prompt: str) -> tuple[str, str]:
    """The answer's text, and what is wrong."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "max_completion_tokens": MOST}
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session,
            session.post(url, json=body, headers=headers) as response,
        ):
            return _read(response.status, await response.text())
    except TimeoutError:
        return "", f"{model} has not answered within {PATIENCE:.0f} s: see whether its provider is well."
    except aiohttp.ClientError as error:
        return "", f"The gateway broke off ({type(error).__name__}): try again, and look into the server's log."


def _read(status: int, text: str) -> tuple[str, str]:
    try:
        found = json.loads(text)
        if status < 400:
            message = found["choices"][0]["message"]
            said = message.get("content") or message.get("reasoning_content") or ""
            return str(
                said
            ), "" if said else f"The model answered no text within {MOST} tokens: it may think for longer."
        return "", str(found["error"]["message"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", f"The gateway answered with HTTP {status}: see whether a plugin that serves models is installed."
