"""Ten thousand idle WebSockets on one server: memory for each, beside a bare aiohttp server.

Server and clients are processes of their own, because one may have only so many open files.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
from aiohttp import web
from bench.rows import Row, row
from yarl import URL

from codeforge.testing import fleet, free_port

SOCKETS, AT_ONCE, SECONDS, IDLE = 10_000, 100, 25, 8


def _room() -> None:
    """As many open files as may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def clients(url: str, token: str) -> None:
    """Open as many sockets as there is time for, say how many, and hold them until standard input ends.

    They are bare connections, so that the machine's time goes to the server; nobody answers its pings, the first of
    which is due after 30 seconds.
    """
    _room()
    at = URL(url)
    asked = (
        f"GET {at.path_qs} HTTP/1.1\r\nHost: {at.host}:{at.port}\r\nAuthorization: Bearer {token}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()
    end, held, turns = time.monotonic() + SECONDS, [], iter(range(SOCKETS))

    async def some() -> None:
        for _ in turns:
            if time.monotonic() > end:
                return
            reader, writer = await asyncio.open_connection(at.host, at.port)
            writer.write(asked)
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            held.append((reader, writer))

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    sys.stdout.write(f"{len(held)}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


async def serve(port: int) -> None:
    """The bare server: it upgrades and waits."""
    _room()

    async def hold(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, heartbeat=30)
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/", hold)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1000).start()
    await asyncio.Event().wait()


@asynccontextmanager
async def _ours(folder: Path) -> AsyncIterator[tuple[int, str, str]]:
    """(process id, address, token) of `codeforge serve`."""
    async with fleet(folder) as made:
        server = await made.add_server(free_port())
        assert server.process
        yield server.process.pid, f"{await server.ready()}/api/v1/stream", server.token()


@asynccontextmanager
async def _bare() -> AsyncIterator[tuple[int, str, str]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.sockets", "serve", str(port))
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            while True:
                try:
                    await (await http.ws_connect(f"http://127.0.0.1:{port}/")).close()
                    break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        yield process.pid, f"http://127.0.0.1:{port}/", ""
    finally:
        process.terminate()
        await process.wait()


async def _each(pid: int, url: str, token: str) -> tuple[float, int, float, float]:
    """(KiB of the server's memory for each socket, how many, connections per second, % of a core when idle)."""
    before, began = psutil.Process(pid).memory_info().rss, time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.sockets", "clients", url, token, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    number = int(await process.stdout.readline())
    took = time.perf_counter() - began
    await asyncio.sleep(1)  # what was needed for connecting alone is given back
    grown = psutil.Process(pid).memory_info().rss - before
    used = sum(psutil.Process(pid).cpu_times()[:2])
    await asyncio.sleep(IDLE)
    used = sum(psutil.Process(pid).cpu_times()[:2]) - used
    process.kill()
    await process.wait()
    return grown / 1024 / number, number, number / took, 100 * used / IDLE


async def _measure(folder: Path) -> list[Row]:
    _room()  # what is started from here has it, too
    async with _bare() as (pid, url, token):
        bare, most, per_second, least = await _each(pid, url, token)
    async with _ours(folder) as (pid, url, token):
        ours, number, rate, idle = await _each(pid, url, token)
    name = f"{number:,} idle WebSockets on one server"
    beside = f"bare aiohttp, {most:,}"
    return [
        row(f"{name}, memory for each", ours, "KiB", beside, bare),
        row(f"{name}, opened", rate, "/s", beside, per_second),
        row(f"{name}, CPU when nothing happens", idle, "%", beside, max(least, 0.1)),
    ]


def measure() -> list[Row]:
    """Both servers with as many sockets as open within 25 seconds; about a minute on a busy machine."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


if __name__ == "__main__":
    asyncio.run(clients(*sys.argv[2:]) if sys.argv[1] == "clients" else serve(int(sys.argv[2])))
