"""Start-up and memory: CPU until the first answered request and resident memory, beside a bare aiohttp application."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from bench.rows import Row, row

BARE = """
import json, os, sys
from aiohttp import web
async def health(request): return web.json_response({"ok": True})
async def told(app):
    yield
app = web.Application()
app.router.add_get("/api/v1/health", health)
import socket
listener = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1], "w").write(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}))
web.run_app(app, sock=listener, print=None)
"""
SAMPLES = 3


def _serve(command: Sequence[str], file: Path, env: dict[str, str]) -> tuple[float, float]:
    """(CPU seconds until the first answer, resident MB then)."""
    process = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(json.loads(file.read_text())["url"] + "/api/v1/health", timeout=5):
                    break
            except (OSError, ValueError):
                time.sleep(0.01)
        seen = psutil.Process(process.pid)
        spent = seen.cpu_times()
        return spent.user + spent.system, seen.memory_info().rss / 2**20
    finally:
        process.terminate()
        process.wait()


def _repeat(once: Callable[[Path], tuple[float, float]]) -> tuple[float, float]:
    figures = []
    for _ in range(SAMPLES):
        with tempfile.TemporaryDirectory() as folder:
            figures.append(once(Path(folder)))
    cpu, memory = zip(*figures, strict=True)
    return statistics.median(cpu), statistics.median(memory)


def _ours(folder: Path) -> tuple[float, float]:
    env = {"CODEFORGE_DATA_DIR": str(folder), "CODEFORGE_PORT": "0"}
    return _serve([sys.executable, "-m", "codeforge", "serve"], folder / "server.json", env)


def _bare(folder: Path) -> tuple[float, float]:
    return _serve([sys.executable, "-c", BARE, str(folder / "url")], folder / "url", {})


def _help() -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "codeforge", "--help"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _nothing() -> float:
    before = os.times()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure() -> list[Row]:
    """CPU seconds, not the clock: a busy machine changes them little."""
    ours, bare = _repeat(_ours), _repeat(_bare)
    shown, nothing = (statistics.median(f() for _ in range(5)) for f in (_help, _nothing))
    return [
        row("codeforge serve to its first answer, CPU", ours[0], "s", "bare aiohttp application", bare[0]),
        row("codeforge serve, resident", ours[1], "MB", "bare aiohttp application", bare[1]),
        row("codeforge --help, CPU", shown, "s", "python -c pass", nothing),
    ]
