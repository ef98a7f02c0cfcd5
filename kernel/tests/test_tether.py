"""The tether: what works for a run ends in time, even when the worker that started it cannot end it."""

import asyncio
import os
import signal
import sys
import time

import psutil
import pytest

from codeforge.process import TETHER, Process, Tether
from codeforge.testing import until

ENV = {"PATH": os.environ["PATH"]}
OWNER = """
import asyncio, os, pathlib, signal, time
from codeforge.process import TETHER, Process, Tether
def freeze(tether):
    tether.extend(time.monotonic() + 0.3)
    os.kill(os.getpid(), signal.SIGSTOP)
async def main():
    tether = Tether()
    TETHER.set(tether)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, freeze, tether)
    script = "trap '' TERM; setsid sleep {mark} & echo up; sleep {mark}"
    async with Process(["sh", "-c", script], cwd=pathlib.Path("/"), env={{"PATH": os.environ["PATH"]}}) as process:
        async for _, line in process.lines():
            print(line, flush=True)
asyncio.run(main())
"""
PATIENCE = 60.0
"""Seconds after which what is waited for will not come any more."""


def alive(mark: str) -> bool:
    return any(mark in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


@pytest.fixture
def tether():
    made = Tether()
    token = TETHER.set(made)
    yield made
    TETHER.reset(token)


async def test_what_is_not_extended_is_killed_at_once_however_politely_it_would_end(tmp_path, tether):
    began = time.monotonic()
    tether.extend(began + 0.3)
    stubborn = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
    async with Process(stubborn, cwd=tmp_path, env=ENV, grace=10 * PATIENCE) as process:
        assert [line async for line in process.lines()] == []
        assert await process.wait() == 137
    assert 0.3 <= time.monotonic() - began < 5


async def test_what_is_extended_lives_on_and_what_ends_by_itself_does_so_as_ever(tmp_path, tether):
    async with Process(["sh", "-c", "sleep 1; echo done; exit 3"], cwd=tmp_path, env=ENV) as process:
        for seconds in (0.5, 2 * PATIENCE):
            tether.extend(time.monotonic() + seconds)
        assert [line async for line in process.lines()] == [("stdout", "done")]
        assert await process.wait() == 3


async def test_without_a_tether_nothing_is_cut_short(tmp_path):
    async with Process(["sh", "-c", "sleep 0.2; echo done"], cwd=tmp_path, env=ENV) as process:
        assert [line async for line in process.lines()] == [("stdout", "done")]


async def test_the_processes_of_a_frozen_owner_end_by_themselves():
    mark = f"3{os.getpid()}7"
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER.format(mark=mark), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert (await owner.stdout.readline()).strip() == b"up"
        await until(lambda: alive(mark), "its process")
        owner.send_signal(signal.SIGUSR1)
        await until(lambda: psutil.Process(owner.pid).status() == psutil.STATUS_STOPPED, "a frozen owner")
        await until(lambda: not alive(mark), "the end of its processes", 15)
    finally:
        owner.send_signal(signal.SIGKILL)
        await owner.wait()
