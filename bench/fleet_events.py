"""Events per second from a worker on its own through RabbitMQ, a server and its database to a WebSocket client."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

from bench.events import LINES, TEXT, bare
from bench.rows import Row, row

from codeforge.testing import PrivatePostgres, PrivateRabbit, fleet, free_port, new_repository


async def _ours(folder: Path, **urls: str) -> float:
    async with fleet(folder, **urls) as made:
        await made.add_server(free_port())
        async with made.api() as api:
            await made.add_worker(api)
            project = await api.post("/projects", {"url": str(new_repository(folder / "repository")), "model": "none"})
            run = await api.start(project, f"yes {TEXT} | head -n {LINES}; date > changed.txt")
            seen, first = 0, 0.0
            url = f"{api.url}/api/v1/stream?run={run['id']}&after=0"
            async with asyncio.timeout(50), api.http.ws_connect(url, max_msg_size=0) as stream:
                async for message in stream:
                    said = sum(event["kind"] == "said" for event in json.loads(message.data))
                    first = first or (time.perf_counter() if said else 0.0)
                    seen += said
                    if seen >= LINES:
                        break
            return seen / (time.perf_counter() - first)


def measure() -> list[Row]:
    """A server and a worker as processes, on SQLite and on PostgreSQL; about 40 seconds."""
    rows, beside = [], "bare aiohttp WebSocket, nothing stored"
    with tempfile.TemporaryDirectory() as at, PrivateRabbit(vhosts=2) as rabbit, PrivatePostgres() as postgres:
        sent = asyncio.run(bare())
        for kind, database_url in (("SQLite", ""), ("PostgreSQL", postgres.new_database())):
            folder = Path(at) / kind
            folder.mkdir()
            ours = asyncio.run(_ours(folder, broker_url=rabbit.new_vhost(), database_url=database_url))
            rows.append(row(f"worker to client over RabbitMQ, {kind}", ours, "events/s", beside, sent))
    return rows
