"""Warm starts: forks of a parent that keep every promise of a process, and share nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import codeforge.runners.warm
from codeforge.process import TETHER, Tether
from codeforge.runners.backend import AGENT_SIDE
from codeforge.runners.warm import ColdError, WarmParent, WarmProcess
from codeforge.testing import until
from codeforge.testing.contract.processes import alive, mentioning

ENV = {"PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "C.UTF-8"}


def stdin(script: str, workspace: Path) -> bytes:
    told = {"prompt": script, "workspace": str(workspace), "state": str(workspace), "model": "m", "provider": "p"}
    more = {"gateway": "", "key": "k", "steps": 1, "seconds": 60, "call_timeout": 1, "patience": 1, "follow_up": False}
    return json.dumps(told | more).encode()


def command(runner: Path) -> list[str]:
    return [sys.executable, "-I", "-X", "utf8", str(AGENT_SIDE), str(runner), "fake_job"]


@pytest.fixture
def runner(tmp_path):
    """A runner whose job is a Python script; what is imported warm is slow."""
    folder = tmp_path / "runner" / "fake_job"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "warm.py").write_text("import time; time.sleep(0.2)\nseen = []\n")
    (folder / "work.py").write_text(
        "import os, sys\nfrom . import warm\ndef work(job, report):\n    exec(job.prompt, dict(warm=warm, os=os))\n"
    )
    return folder.parent


@pytest.fixture
def parent(runner, tmp_path):
    made = WarmParent(command(runner), home=tmp_path / "nobody")
    yield made
    made.close()


async def run(parent, script, cwd, **options):
    """(what the job printed to fd 2, exit code)"""
    async with WarmProcess(parent, cwd=cwd, env=ENV, stdin=stdin(script, cwd), **options) as process:
        lines = [text for _, text in [line async for line in process.lines()]]
        return lines, await process.wait()


async def test_a_fork_works_like_any_process_and_the_second_does_not_import_again(parent, tmp_path):
    assert await run(parent, "os.write(2, b'one\\ntwo'); os._exit(3)", tmp_path) == (["one", "two"], 3)
    before = time.monotonic()
    assert await run(parent, "os.kill(os.getpid(), 9)", tmp_path) == ([], 137)
    assert time.monotonic() - before < 5.0
    assert await run(parent, "os.write(2, os.getcwd().encode())", tmp_path) == ([str(tmp_path)], 0)


async def test_a_fork_has_exactly_its_environment_in_proc_and_below_too(parent, tmp_path):
    script = """
import subprocess
shown = open('/proc/self/environ', 'rb').read().rstrip(b'\\0').split(b'\\0')
os.write(2, b'\\n'.join(sorted(shown)) + b'\\n--\\n')
os.write(2, b'\\n'.join(sorted(k.encode() + b'=' + v.encode() for k, v in os.environ.items())) + b'\\n--\\n')
os.write(2, b'\\n'.join(sorted(subprocess.check_output(['env']).split())))
"""
    env = {**ENV, "MARK": "run-1", "UMLAUT": "größe"}
    async with WarmProcess(parent, cwd=tmp_path, env=env, stdin=stdin(script, tmp_path)) as process:
        lines = [text async for stream, text in process.lines() if stream == "stderr"]
    expected = sorted(f"{name}={value}" for name, value in env.items())
    blocks = "\n".join(lines).split("\n--\n")
    assert [sorted(block.split("\n")) for block in blocks] == [expected] * 3


async def test_forks_share_nothing_and_inherit_no_stream_but_their_own(parent, tmp_path):
    script = """
warm.seen.append(1)
paths = [f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd') if int(n) > 2]
streams = [os.readlink(path).split(':')[0] for path in paths if os.path.lexists(path)]
os.write(2, f'{len(warm.seen)} {streams}'.encode())
os._exit(0)
"""
    for _ in range(2):
        assert (await run(parent, script, tmp_path))[0][0].startswith("1 ")
        assert "socket" not in (await run(parent, script, tmp_path))[0][0]


async def test_leaving_the_block_ends_what_left_the_session_and_ignores_sigterm(parent, tmp_path):
    mark = f"7{os.getpid()}1"
    script = f"os.system(\"trap '' TERM; setsid sleep {mark} & echo up >&2; sleep {mark}\")"
    async with WarmProcess(parent, cwd=tmp_path, env=ENV, stdin=stdin(script, tmp_path), grace=0.3) as process:
        async for _, line in process.lines():
            assert line == "up"
            break
        await until(lambda: len(mentioning(mark)) >= 2)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert mentioning(mark) == []


async def test_a_start_that_is_stopped_leaves_nothing(runner, parent, tmp_path):
    (runner / "fake_job" / "warm.py").write_text(
        "import os, time\nchdir = os.chdir\nos.chdir = lambda path: (time.sleep(0.3), chdir(path))\n"
    )
    mark = f"run-{os.getpid()}-start"
    job = {"env": {**ENV, "MARK": mark}, "stdin": stdin("import time; time.sleep(300)", tmp_path)}
    starting = asyncio.create_task(WarmProcess(parent, cwd=tmp_path, **job).__aenter__())
    await until(lambda: alive({"MARK": mark}))
    starting.cancel()
    await asyncio.wait([starting])
    assert alive({"MARK": mark}) == []


@pytest.mark.parametrize("victim", ["owner", "keeper"])
async def test_a_killed_owner_or_keeper_takes_the_run_along(runner, tmp_path, victim):
    mark = f"run-{os.getpid()}-{victim}"
    code = f"""
import asyncio, os
from pathlib import Path
from codeforge.runners.warm import WarmParent, WarmProcess
async def main():
    parent = WarmParent({command(runner)!r}, home=Path("/nonexistent"))
    env = dict({ENV!r}, MARK={mark!r})
    async with WarmProcess(parent, cwd=Path({str(tmp_path)!r}), env=env,
                           stdin={stdin("import time; time.sleep(300)", tmp_path)!r}, grace=0.2) as process:
        print(process.pid, flush=True)
        await process.wait()
asyncio.run(main())
"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        keeper = int(owner.stdout.readline())
        await until(lambda: len(alive({"MARK": mark})) == 2)
        os.kill(owner.pid if victim == "owner" else keeper, signal.SIGKILL)
        await until(lambda: not alive({"MARK": mark}))
        if victim == "owner":
            await until(lambda: not mentioning(str(runner)))
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()


async def test_a_parent_that_is_killed_takes_no_run_along_and_another_comes_up(parent, tmp_path):
    script = (
        "os.write(2, b'up\\n')\nwhile not os.path.exists('go'): os.sched_yield()\nos.write(2, b'done'); os._exit(0)"
    )
    async with WarmProcess(parent, cwd=tmp_path, env=ENV, stdin=stdin(script, tmp_path)) as process:
        lines = process.lines()
        assert await anext(lines) == ("stderr", "up")
        parent._process.kill()
        parent._process.wait()
        assert (await run(parent, "os.write(2, b'other'); os._exit(0)", tmp_path)) == (["other"], 0)
        (tmp_path / "go").touch()
        assert [line async for line in lines] == [("stderr", "done")]
        assert await process.wait() == 0


async def test_a_run_that_is_no_longer_extended_is_killed(parent, tmp_path):
    tether = Tether()
    TETHER.set(tether)
    tether.extend(time.monotonic() + 60)
    script = "import time; os.write(2, b'up\\n'); time.sleep(60)"
    async with WarmProcess(parent, cwd=tmp_path, env=ENV, stdin=stdin(script, tmp_path)) as process:
        async for _ in process.lines():
            tether.extend(time.monotonic() + 0.3)
        assert await process.wait() == 137


async def test_a_parent_that_cannot_import_and_an_environment_without_room_are_cold_starts(runner, parent, tmp_path):
    async with asyncio.timeout(20):
        large = {**ENV, "LARGE": "x" * 60_000}
        with pytest.raises(ColdError, match=r"gave no fork: .*: the environment is too large for a warm start"):
            await WarmProcess(parent, cwd=tmp_path, env=large, stdin=stdin("", tmp_path)).__aenter__()
        assert (await run(parent, "os._exit(5)", tmp_path))[1] == 5
        (runner / "fake_job" / "warm.py").write_text("raise ImportError\n")
        broken = WarmParent(command(runner), home=tmp_path)
        with pytest.raises(ColdError):
            await run(broken, "", tmp_path)
        broken.close()
        with pytest.raises(ColdError, match=r"its warm parent cannot start: .*No such file"):
            WarmParent([str(tmp_path / "nothing")], home=tmp_path).fork()


async def test_a_parent_that_is_too_slow_is_said_to_be(runner, tmp_path, monkeypatch):
    monkeypatch.setattr(codeforge.runners.warm, "IMPORTING", 0.1)
    (runner / "fake_job" / "warm.py").write_text("import time; time.sleep(60)\n")
    slow = WarmParent(command(runner), home=tmp_path)
    with pytest.raises(ColdError, match=r"gave no fork: none within 0.1 s"):
        await run(slow, "", tmp_path)


async def test_what_is_cancelled_while_the_parent_imports_never_starts(runner, parent, tmp_path):
    (runner / "fake_job" / "warm.py").write_text("import time; time.sleep(1)\n")
    starting = asyncio.create_task(run(parent, f"open({str(tmp_path / 'started')!r}, 'w')", tmp_path))
    await until(lambda: parent._process is not None)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert (await run(parent, "os._exit(4)", tmp_path))[1] == 4
    assert not (tmp_path / "started").exists()


async def test_an_idle_parent_ends_and_comes_back(monkeypatch, parent, tmp_path):
    monkeypatch.setattr(codeforge.runners.warm, "IDLE", 0.2)
    assert (await run(parent, "os._exit(1)", tmp_path))[1] == 1
    await until(lambda: parent._process.poll() is not None)
    assert (await run(parent, "os._exit(2)", tmp_path))[1] == 2
