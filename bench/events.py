"""Events per second from an agent's output to a WebSocket client, beside bare aiohttp that sends the same lines."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

import aiohttp
from aiohttp import web
from bench.rows import Row, row

from codeforge import Settings
from codeforge.testing import StandIns, new_repository, running

LINES = 20_000
TEXT = "x" * 120


async def _ours(folder: Path) -> float:
    async with running(Settings(data_dir=folder / "data", port=0), extra={"stand_ins": StandIns()}) as (_, api):
        repository = new_repository(folder / "repository")
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        run = await api.start(project, f"yes {TEXT} | head -n {LINES}; date > changed.txt")
        seen, first = 0, 0.0
        async with api.http.ws_connect(f"{api.url}/api/v1/stream?run={run['id']}&after=0", max_msg_size=0) as stream:
            async for message in stream:
                said = sum(event["kind"] == "said" for event in json.loads(message.data))
                first = first or (time.perf_counter() if said else 0.0)
                seen += said
                if seen >= LINES:
                    break
        return seen / (time.perf_counter() - first)


async def bare() -> float:
    """Events per second of a server that only sends."""

    async def send(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        for n in range(LINES):
            await socket.send_str(json.dumps({"seq": n, "kind": "said", "data": {"text": TEXT}}))
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/", send)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    seen = 0
    async with aiohttp.ClientSession() as http, http.ws_connect(f"http://{host}:{port}/") as stream:
        began = time.perf_counter()
        async for message in stream:
            seen += json.loads(message.data)["kind"] == "said"
        took = time.perf_counter() - began
    await runner.cleanup()
    return seen / took


async def _measure(folder: Path) -> list[Row]:
    ours, sent = await _ours(folder), await bare()
    name = "agent's output, stored, to a WebSocket client"
    return [row(name, ours, "events/s", "bare aiohttp WebSocket, nothing stored", sent)]


def measure() -> list[Row]:
    """Reading the process, numbering, storing and sending in batches, all in one process; about 10 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))
