"""Processes under supervision: their lines, their ends, and that nothing of them stays behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from codeforge import Process
from codeforge.process import TETHER, Tether

ENV = {"PATH": os.environ["PATH"]}


async def run(*command: str, cwd: Path, **options) -> tuple[list[tuple[str, str]], int]:
    async with Process(command, cwd=cwd, env=ENV, **options) as process:
        lines = [line async for line in process.lines()]
        return lines, await process.wait()


def alive(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if mark in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


async def test_lines_of_both_streams_arrive_and_the_exit_code_is_the_commands_own(tmp_path):
    lines, code = await run("sh", "-c", "echo out; echo err >&2; printf last; exit 3", cwd=tmp_path)
    assert sorted(lines) == [("stderr", "err"), ("stdout", "last"), ("stdout", "out")]
    assert code == 3


async def test_stdin_is_given_and_then_closed(tmp_path):
    lines, code = await run("cat", cwd=tmp_path, stdin=b"a\nb\n")
    assert lines == [("stdout", "a"), ("stdout", "b")]
    assert code == 0


async def test_a_command_can_be_talked_with_while_it_runs(tmp_path):
    async with Process(["cat"], cwd=tmp_path, env=ENV, stdin=b"first\n", talk=True) as process:
        lines = process.lines()
        assert await anext(lines) == ("stdout", "first")
        for word in ("second", "größe 名前"):
            await process.write(f"{word}\n".encode())
            assert await anext(lines) == ("stdout", word)


async def test_words_to_a_command_that_has_ended_or_was_not_to_be_talked_with_are_refused(tmp_path):
    async with Process(["true"], cwd=tmp_path, env=ENV, talk=True) as process:
        assert [line async for line in process.lines()] == []
        await process.wait()
        with pytest.raises(ConnectionError):
            await _write_for_ever(process)
    async with Process(["cat"], cwd=tmp_path, env=ENV) as process:
        with pytest.raises(ConnectionError):
            await process.write(b"x")


async def _write_for_ever(process):
    while True:
        await process.write(b"x" * 100_000)


async def test_a_command_that_does_not_read_holds_back_who_writes_and_is_ended_all_the_same(tmp_path):
    async with Process(["sleep", "300"], cwd=tmp_path, env=ENV, talk=True) as process:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.write(b"x" * 10_000_000), 0.2)
        began = time.monotonic()
    assert time.monotonic() - began < 5


async def test_a_long_line_stays_whole_where_that_is_wanted(tmp_path):
    long = "x" * 1_000_000 + "\n"
    lines, _ = await run("cat", cwd=tmp_path, stdin=f"a\n{long}{long}b".encode(), line_limit=2_000_000)
    assert [text for _, text in lines] == ["a", long[:-1], long[:-1], "b"]


async def test_a_command_killed_by_a_signal_gives_128_and_its_number(tmp_path):
    _, code = await run("sh", "-c", "kill -9 $$", cwd=tmp_path)
    assert code == 128 + signal.SIGKILL


async def test_a_command_that_does_not_exist_says_so(tmp_path):
    lines, code = await run("no-such-command", cwd=tmp_path)
    assert lines == [("stderr", "cannot start no-such-command: No such file or directory")]
    assert code == 127


async def test_a_line_without_end_comes_in_pieces(tmp_path):
    lines, _ = await run("sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x", cwd=tmp_path)
    assert len(lines) > 2
    assert sum(len(text) for _, text in lines) == 200_000


async def test_bytes_that_are_no_utf_8_are_replaced(tmp_path):
    lines, _ = await run("printf", r"\377ok\r\n", cwd=tmp_path)
    assert lines == [("stdout", "�ok")]


async def test_the_environment_is_exactly_what_was_given(tmp_path):
    os.environ["CODEFORGE_CANARY"] = "secret"
    lines, _ = await run("env", cwd=tmp_path)
    assert [text for _, text in lines if text.startswith("CODEFORGE_CANARY")] == []


async def test_leaving_the_block_ends_children_that_left_the_session_and_ignore_sigterm(tmp_path):
    mark = f"4{os.getpid()}1"
    script = (
        f"trap '' TERM; setsid sleep {mark} & (setsid sh -c 'trap \"\" TERM; sleep {mark}; true' &) ; echo up; wait"
    )
    async with Process(["sh", "-c", script], cwd=tmp_path, env=ENV, grace=0.3) as process:
        async for _, line in process.lines():
            assert line == "up"
            break
        wait_until(lambda: len(alive(mark)) == 2)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert alive(mark) == []


async def test_children_left_by_a_command_that_ended_by_itself_are_ended_too(tmp_path):
    mark = f"4{os.getpid()}2"
    _, code = await run("sh", "-c", f"setsid sleep {mark} >/dev/null 2>&1 & exit 0", cwd=tmp_path)
    assert code == 0
    assert alive(mark) == []


async def test_cancelling_the_reader_ends_the_command(tmp_path):
    mark = f"4{os.getpid()}3"

    async def read() -> None:
        async with Process(["sleep", mark], cwd=tmp_path, env=ENV) as process:
            async for _ in process.lines():
                pass

    task = asyncio.create_task(read())
    while not alive(mark):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert alive(mark) == []


@pytest.mark.parametrize("victim", ["owner", "shim"])
def test_a_killed_owner_or_shim_takes_the_command_along(tmp_path, victim):
    mark = f"4{os.getpid()}{4 if victim == 'owner' else 5}"
    code = f"""
import asyncio, os
from pathlib import Path
from codeforge import Process
from codeforge.process import TETHER, Tether
async def main():
    async with Process(["sleep", "{mark}"], cwd=Path("/"), env=dict(PATH=os.environ["PATH"]), grace=0.2) as process:
        print(process.pid, flush=True)
        await process.wait()
asyncio.run(main())
"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        shim = int(owner.stdout.readline())
        wait_until(lambda: alive(mark))
        os.kill(owner.pid if victim == "owner" else shim, signal.SIGKILL)
        wait_until(lambda: not alive(mark))
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()


async def test_reading_slowly_holds_the_command_back_and_loses_nothing(tmp_path):
    async with Process(["seq", "1", "50000"], cwd=tmp_path, env=ENV) as process:
        await asyncio.sleep(0)  # the reader has not begun
        lines = [text async for _, text in process.lines()]
    assert lines == [str(n) for n in range(1, 50_001)]


async def test_a_cancellation_during_the_stop_is_not_forgotten(tmp_path):
    stopping, went_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with Process(["sh", "-c", "trap '' TERM; echo up; sleep 100"], cwd=tmp_path, env=ENV, grace=1) as process:
            async for _ in process.lines():
                break
            stopping.set()
        went_on.set()

    task = asyncio.create_task(work())
    await stopping.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not went_on.is_set()


async def test_lines_end_when_the_shim_was_killed_and_a_stray_holds_the_streams_open(tmp_path):
    mark = f"4{os.getpid()}6"
    started = time.monotonic()
    async with Process(["sh", "-c", f"setsid sleep {mark} & echo up; wait"], cwd=tmp_path, env=ENV) as process:
        lines = process.lines()
        assert await anext(lines) == ("stdout", "up")
        os.kill(process.pid, signal.SIGKILL)
        assert [line async for line in lines] == []
        assert await process.wait() == 128 + signal.SIGKILL
    assert time.monotonic() - started < 8
    for stray in alive(mark):
        stray.kill()


async def test_what_is_tied_ends_when_no_word_comes_in_time_and_that_is_known(tmp_path):
    tether = Tether()
    TETHER.set(tether)
    tether.extend(time.monotonic() + 60)
    async with Process(["sh", "-c", "echo up; sleep 60"], cwd=tmp_path, env=ENV) as process:
        async for _ in process.lines():
            tether.extend(time.monotonic() + 0.5)
        assert await process.wait() == 128 + signal.SIGKILL
        tether.extend(time.monotonic() + 60)  # too late
    assert tether.torn


async def test_a_word_in_time_tears_no_tether(tmp_path):
    tether = Tether()
    TETHER.set(tether)
    tether.extend(time.monotonic() + 60)
    assert await run("true", cwd=tmp_path) == ([], 0)
    tether.extend(time.monotonic() + 60)
    assert not tether.torn
