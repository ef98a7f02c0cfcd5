"""What the model gateway adds to a call: latency and throughput beside direct calls to the same scripted provider."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
from bench.rows import Row, percentiles, row

from codeforge import Settings
from codeforge.forge import Forge, Offers, keys
from codeforge.http import listen, make_app
from codeforge.store import Store

MESSAGES = [{"role": "user", "content": "Please look at this code.\n" * 160}]
AT_ONCE = 16
RUNS = 4
"""As many keys are made: one run alone may not have hundreds of calls under way."""


class Asker:
    """Calls one address, as an agent would."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str, model: str) -> None:
        self._session, self._url, self._head = session, f"{url}/chat/completions", {"Authorization": f"Bearer {key}"}
        self._body = {"model": model, "messages": MESSAGES}

    async def once(self, *, stream: bool = False) -> float:
        """Milliseconds of one call."""
        began = time.perf_counter()
        async with self._session.post(self._url, json={**self._body, "stream": stream}, headers=self._head) as answer:
            await answer.read()
            answer.raise_for_status()
        return (time.perf_counter() - began) * 1000

    async def rate(self, calls: int) -> float:
        """Calls per second with many under way at once."""

        async def several() -> None:
            for _ in range(calls // AT_ONCE):
                await self.once()

        began = time.perf_counter()
        await asyncio.gather(*(several() for _ in range(AT_ONCE)))
        return calls / (time.perf_counter() - began)


async def _compare(provider: str, gateway: str, key: str, calls: int) -> list[Row]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        direct, ours = Asker(session, provider, "any", "talk"), Asker(session, gateway, key, "up/talk")
        whole, streams = [], []
        for _ in range(calls + 20):  # in turns, so that a drift of the machine meets both
            whole.append((await ours.once(), await direct.once()))
            streams.append((await ours.once(stream=True), await direct.once(stream=True)))
        rows = percentiles("call through the gateway", "direct call", whole[20:], (50, 99))
        rows += percentiles("stream through the gateway", "direct stream", streams[20:], (50, 99))
        rates = [(await ours.rate(calls), await direct.rate(calls)) for _ in range(3)]
    best, bare = (max(column) for column in zip(*rates, strict=True))
    return [*rows, row(f"calls at once ({AT_ONCE}) through the gateway", best, "/s", "direct calls", bare)]


def measure(calls: int = 300) -> list[Row]:
    """Provider and gateway are processes of their own; takes about 15 seconds."""
    with (
        process("codeforge.testing.model_server") as (_, [url]),
        process("bench.gateway", url) as (_, [gateway, key, *_]),
    ):
        return asyncio.run(_compare(url, gateway, key, calls))


@contextmanager
def process(*module: str) -> Iterator[tuple[int, list[str]]]:
    """A module that serves; gives its process id and the words that it prints when it is ready."""
    with subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        try:
            yield started.pid, started.stdout.readline().split()
        finally:
            started.terminate()


@asynccontextmanager
async def _served(folder: Path, provider: str) -> AsyncIterator[str]:
    import codeforge_llm_litellm as plugin

    settings = Settings(data_dir=folder, port=0)
    store = await Store.open(folder)
    forge = Forge(settings, store, Offers())
    forge.offers.llms = {llm.name: llm for llm in plugin.register_llms(forge)}
    who = await forge.accounts.admin()
    offered = {"models": ["talk"], "prices": {"talk": {"input": 1, "output": 1}}}
    await forge.providers.set(who, "up", "openai-compatible", base_url=provider, secret="sk-any", settings=offered)
    of = {"tenant_id": who.tenant_id, "project_id": "project", "model": "up/talk"}
    runs: list[dict[str, object]] = [{"id": f"run {number}", **of} for number in range(RUNS)]
    minted = [await store.run(None, keys.mint, run, 3600) for run in runs]
    async with plugin.lifespan(forge), listen(make_app(forge, plugin.register_routes(forge)), settings) as site:
        yield " ".join([f"{site.url}/llm/v1", *minted])
    await store.close()


async def _serve(provider: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with _served(Path(folder), provider) as told:
            print(told, flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
