"""Asks a provider, by a real call, whether it takes its key: people are told before anything is kept."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from codeforge import Invalid
from codeforge_llm_litellm.call import Call, Plan, Stop, Target
from codeforge_llm_litellm.discovery import Found, Refused, ask, authorization
from codeforge_llm_litellm.providers import Source
from codeforge_llm_litellm.trouble import Trouble

if TYPE_CHECKING:
    from codeforge_llm_litellm.gateway import Gateway

PATIENCE = 15.0
"""Seconds that a provider has to list its models."""
SLOW = 50.0
"""Seconds that it has for one token: litellm may have to be started first, or a model be loaded."""
_NO_KEY = (401, 403)


async def prove(gateway: Gateway, source: Source) -> str:
    """What the provider answered, in a sentence. Raises `Invalid` with what is wrong with it.

    Its list of models is a proof where a key is needed to read it; else a model is asked for one token.
    """
    if source.chosen:
        return await _complete(gateway, source, source.chosen[0])
    found = await _listed(gateway, source)
    if source.way.proof:
        await _read(gateway, source, source.way.proof)
    elif source.secret and not source.way.needs_key and found and await _listed_to_anybody(gateway, source):
        await _complete(gateway, source, found[0].name)
    return f"{source.name} answers and offers {len(found)} models."


async def _listed(gateway: Gateway, source: Source) -> list[Found]:
    import aiohttp

    try:
        async with asyncio.timeout(PATIENCE):
            return await ask(gateway.session(), source)
    except Refused as refused:
        raise _refused(source, refused.status) from refused
    except TimeoutError as error:
        raise _unreachable(source, f"no answer within {PATIENCE:g} s") from error
    except aiohttp.ClientConnectorError as error:
        raise _unreachable(source, error.os_error.strerror or "no connection") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _unreachable(source, type(error).__name__) from error
    except (ValueError, TypeError) as error:
        message = f"{source.name} {error}: check its address ({source.shown})."
        raise Invalid(message, field="base_url") from error


async def _listed_to_anybody(gateway: Gateway, source: Source) -> bool:
    try:
        await _listed(gateway, replace(source, secret=""))
    except Invalid:
        return False
    return True


async def _read(gateway: Gateway, source: Source, path: str) -> None:
    import aiohttp

    try:
        async with asyncio.timeout(PATIENCE):
            url, session = f"{source.base}{path}", gateway.session()
            async with session.get(url, headers=authorization(source), allow_redirects=False) as response:
                if response.status != 200:
                    raise _refused(source, response.status)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _unreachable(source, str(error) or "no answer") from error


async def _complete(gateway: Gateway, source: Source, model: str) -> str:
    target = Target(name=f"{source.name}/{model}", provider=source.name, model=model, source=source)
    body = {"model": model, "messages": [{"role": "user", "content": "Say yes."}], "max_tokens": 1}
    plan = Plan(name=target.name, stops=(Stop(target=target),))
    call = Call(tenant_id="", run_id="", project_id="", target=target, body=body, plan=plan)
    try:
        async with asyncio.timeout(SLOW), gateway.engine(call).answer(call) as answer:
            said = b"".join([block async for block in answer.blocks])
    except Trouble as trouble:
        raise Invalid(trouble.message, field="base_url") from trouble
    except TimeoutError as error:
        raise _unreachable(source, f"no answer within {SLOW:g} s") from error
    if answer.status in _NO_KEY:
        raise _refused(source, answer.status)
    if b"APIConnectionError" in said:  # which is how litellm says it
        raise _unreachable(source, "no connection")
    if answer.status >= 400 and answer.status != 429:
        words = _words(said).replace(source.secret, "•••") if source.secret else _words(said)
        raise Invalid(f"{source.name} did not answer as {model} ({answer.status}): {words}", field="settings")
    return f"{source.name} answers as {model}."


def _words(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        text = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        text = body.decode(errors="replace")
    return " ".join(text.split())[:300] or "it said nothing"


def _refused(source: Source, status: int) -> Invalid:
    if status in _NO_KEY and source.secret:
        message = (
            f"{source.name} refused the key ({status}): copy it again, and see that it is neither old nor revoked."
        )
        return Invalid(message, field="key")
    if status in _NO_KEY:
        return Invalid(f"{source.name} wants a key ({status}): give it.", field="key")
    return Invalid(f"{source.name} answered {status}: check its address ({source.shown}).", field="base_url")


def _unreachable(source: Source, why: str) -> Invalid:
    message = f"{source.name} cannot be reached at {source.shown} ({why}): check its address and the network."
    return Invalid(message, field="base_url")
