"""Warm starts in a real sandbox: what moves in is held like what starts there, and keeps every promise of a process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from warm_shell import WarmShell

import codeforge_sandbox_bubblewrap.sandbox
from codeforge import AgentJob, Confinement, Model, Process
from codeforge.process import CONFINED, TETHER, Tether
from codeforge.runners.backend import AGENT_SIDE
from codeforge.runners.warm import WarmParent, WarmProcess
from codeforge.sandboxes import Bounds
from codeforge.testing import InSandbox, ScriptedModels, until
from codeforge.testing.contract.processes import mentioning
from codeforge_sandbox_bubblewrap import Bubblewrap

pytestmark = pytest.mark.xdist_group("sandbox")
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
COMMAND = [sys.executable, "-I", "-X", "utf8", str(AGENT_SIDE), str(WarmShell.runner.parent), "shell_job"]
LOOK = r"""
import ctypes, json, os
def read(name):
    with open(f'/proc/self/{name}') as file:
        return file.read()
told = {name: read(name) for name in ('limits', 'cgroup', 'oom_score_adj', 'uid_map', 'gid_map')}
told |= dict(line.split(':', 1) for line in read('status').splitlines())
told |= {'mounts': [line.split(' ', 3)[3] for line in read('mountinfo').splitlines()], 'all': os.listdir('/proc')}
told |= {'name': os.uname().nodename, 'cwd': os.getcwd(), 'seen': os.listdir('/'), 'parents': os.listdir('..')}
told |= {'environ': sorted(one for one in read('environ').split('\0') if one and one[:4] != 'PWD=')}
told |= {'ids': [os.getsid(0), os.getpgrp()]}
told |= {'streams': sorted(os.listdir('/proc/self/fd')), 'securebits': ctypes.CDLL(None).prctl(27, 0, 0, 0, 0)}
told |= {'dumpable': ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), 'mask': os.umask(0)}
print(json.dumps(told))
"""
OF_ANY_PROCESS = {"PPid", "SigCgt", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"}
"""Of what /proc/self/status tells what may differ; so may all sizes."""


@pytest.fixture
def bounds():
    return Bounds()


@pytest.fixture
async def confined(tmp_path, bounds):
    for name in ("workspace", "home", "state"):
        (tmp_path / "run" / name).mkdir(parents=True)
    run = tmp_path / "run"
    confinement = Confinement(
        run_id="run", folder=run / "sandbox", workspace=run / "workspace", home=run / "home", state=run / "state",
        readable=(WarmShell.runner.parent, AGENT_SIDE), gateway="http://127.0.0.1:9/llm/v1", key="key", bounds=bounds,
    )  # fmt: skip
    async with Bubblewrap().enter(confinement) as made:
        CONFINED.set(made)
        yield made


@pytest.fixture
def parent(tmp_path):
    made = WarmParent(COMMAND, home=tmp_path / "nobody")
    yield made
    made.close()


def options(folder: Path, script: str, **more):
    workspace = folder / "run" / "workspace"
    if "\n" in script and script.startswith("\nimport"):
        (workspace / "look.py").write_text(script)
        script = "python3 look.py"
    told = {"prompt": script, "workspace": str(workspace), "state": str(folder / "run" / "state"), "model": "m"}
    told |= {"provider": "p", "gateway": "", "key": "k", "steps": 1, "seconds": 60, "call_timeout": 1, "patience": 1}
    return {"cwd": workspace, "env": ENV, "stdin": json.dumps(told | {"follow_up": False}).encode(), **more}


async def ended(process):
    """(what it printed, its exit code)"""
    async with process:
        lines = [text async for stream, text in process.lines() if stream == "stderr"]
        return lines, await process.wait()


async def test_what_moves_in_is_held_to_the_letter_like_what_starts_inside(confined, parent, tmp_path):
    cold, warm = [
        json.loads((await ended(process))[0][0])
        for process in (
            Process(COMMAND, **options(tmp_path, LOOK)),
            WarmProcess(parent, **options(tmp_path, LOOK)),
        )
    ]
    told = {name for name in cold if not name.startswith(("Vm", "Rss", "Hugetlb")) and name not in OF_ANY_PROCESS}
    assert {name: warm[name] for name in told} == {name: cold[name] for name in told}
    assert (warm["CapBnd"].strip("\t0"), warm["NoNewPrivs"], warm["Seccomp"]) == ("", "\t1", "\t2")


SEARCH = r"""
import re
def search(who, wanted):
    with open(f'/proc/{who}/maps') as maps, open(f'/proc/{who}/mem', 'rb') as memory:
        for line in maps:
            start, end = (int(number, 16) for number in line.split()[0].split('-'))
            if line.split()[1][0] == 'r' and '[v' not in line:
                memory.seek(start)
                if wanted in memory.read(end - start):
                    print('found in', line)
"""


async def test_neither_the_parent_nor_its_next_fork_has_anything_of_a_run(confined, parent, tmp_path, capsys):
    secret = f"canary-{os.getpid()}"
    async with WarmProcess(
        parent, **options(tmp_path, "echo up >&2; sleep 60", env={**ENV, "SECRET": secret})
    ) as first:
        await anext(first.lines())
        whole = f"'-'.join(('canary', '{os.getpid()}')).encode()"  # as text it would be found itself
        next_one = WarmProcess(parent, **options(tmp_path, f"{SEARCH}search('self', {whole}); print('searched')"))
        assert (await ended(next_one))[0][-1] == "searched"
        names: dict[str, object] = {}
        exec(SEARCH, names)
        names["search"](parent._process.pid, secret.encode())
        assert "found" not in capsys.readouterr().out
        names["search"](first.pid, secret.encode())
        assert "found" in capsys.readouterr().out  # else the others would prove nothing


HEARING = """
import signal, subprocess, sys

def hear(*_):
    open("heard", "w").close()
    sys.exit(0)

signal.signal(signal.SIGTERM, hear)
subprocess.Popen(["setsid", "sleep", sys.argv[1]])
print("up", file=sys.stderr, flush=True)
while True:
    signal.pause()
"""
"""A program for the fork itself: what it leaves is killed as soon as it has ended, and need not hear."""


async def test_a_stop_is_heard_inside_and_leaves_nothing_of_the_sandbox(confined, parent, tmp_path):
    mark = f"8{os.getpid()}1"
    workspace = tmp_path / "run" / "workspace"
    (workspace / "hear.py").write_text(HEARING)
    script = f"python3 hear.py {mark}"
    async with WarmProcess(parent, **options(tmp_path, script, env={**ENV, "MARK": mark})) as process:
        async for _, line in process.lines():
            assert line == "up"
            break
        shim = psutil.Process(process.pid)
        assert [each for each in shim.children(recursive=True) if "bridge.py" in str(each.cmdline())]
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert (workspace / "heard").exists()
    assert mentioning(mark) == []


async def test_what_ignores_a_stop_is_killed_and_what_ends_takes_its_daemons_along(confined, parent, tmp_path):
    mark = f"8{os.getpid()}2"
    stubborn = f"trap '' TERM; setsid sleep {mark} & echo up >&2; sleep {mark}; sleep {mark}"
    async with WarmProcess(parent, **options(tmp_path, stubborn), grace=0.3) as process:
        await anext(process.lines())
    assert mentioning(mark) == []
    lines, code = await ended(
        WarmProcess(parent, **options(tmp_path, f"(setsid sleep {mark} >&- 2>&- &) ; echo by >&2"))
    )
    assert (lines, code, mentioning(mark)) == (["by"], 0, [])


@pytest.mark.parametrize("victim", ["bridge", "shim", "stand-in"])
async def test_whoever_of_its_keepers_is_killed_takes_the_run_along(confined, parent, tmp_path, victim):
    mark = f"8{os.getpid()}3"
    script = f"echo up >&2; setsid sleep {mark}"
    async with WarmProcess(parent, **options(tmp_path, script, env={**ENV, "MARK": mark})) as process:
        await anext(process.lines())
        sandbox, stand_in = sorted(psutil.Process(process.pid).children(), key=lambda child: child.name() != "bwrap")
        found = {"shim": process.pid, "bridge": sandbox.children()[0].pid, "stand-in": stand_in.pid}
        os.kill(found[victim], signal.SIGKILL)
        await until(lambda: not mentioning(mark))
        assert await process.wait() == 137


async def test_a_worker_that_dies_takes_the_run_its_sandbox_and_the_parent_along(tmp_path):
    mark = f"8{os.getpid()}4"
    code = f"""
import asyncio, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from test_sandbox_warm import *
async def main():
    folder = Path({str(tmp_path)!r})
    run = folder / "run"
    for name in ("workspace", "home", "state"):
        (run / name).mkdir(parents=True)
    told = Confinement(run_id="r", folder=run / "sandbox", workspace=run / "workspace", home=run / "home",
        state=run / "state", readable=(WarmShell.runner.parent, AGENT_SIDE), gateway="http://127.0.0.1:9/v1", key="k")
    parent = WarmParent(COMMAND, home=folder / "{mark}")
    async with Bubblewrap().enter(told) as confined:
        CONFINED.set(confined)
        env = dict(ENV, MARK="{mark}")
        async with WarmProcess(parent, **options(folder, "echo up >&2; setsid sleep {mark}", env=env)) as process:
            async for _, line in process.lines():
                print(line, flush=True)
asyncio.run(main())
"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout.readline() == "up\n"
        assert mentioning(mark)
        owner.kill()
        await until(lambda: not mentioning(mark))
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()


async def test_a_run_that_is_no_longer_extended_is_killed(confined, parent, tmp_path):
    mark = f"8{os.getpid()}5"
    tether = Tether()
    TETHER.set(tether)
    tether.extend(time.monotonic() + 60)
    async with WarmProcess(parent, **options(tmp_path, f"echo up >&2; sleep {mark}")) as process:
        async for _ in process.lines():
            tether.extend(time.monotonic() + 0.3)
        assert await process.wait() == 137
    assert mentioning(mark) == []


@pytest.mark.parametrize("bounds", [Bounds(memory_mb=200), Bounds(processes=40)])
async def test_what_takes_more_than_it_may_is_ended_and_says_so(confined, parent, tmp_path, bounds):
    hog = 'python3 -c "import time; kept = bytearray(150 << 20); time.sleep(60)"'
    many, memory = "for n in $(seq 99); do sleep 60 & done; wait", bounds.memory_mb == 200
    lines, code = await ended(
        WarmProcess(parent, **options(tmp_path, f"cd .; {hog} & {hog} & wait" if memory else many))
    )
    if memory or os.getuid() == 0:
        assert (code, ("memory" if memory else "processes") in confined.trouble) == (137, True)
    else:  # of an ordinary user the kernel counts the processes itself
        assert "Cannot fork" in str(lines)


BROKEN = {
    "none": "never called",
    "raises": "def enter(call, told): raise PermissionError",
    "dies": "import os\ndef enter(call, told): os.kill(os.getpid(), 9)",
    "leaves": "import os\ndef enter(call, told): os._exit(0)",
}


@pytest.mark.parametrize("how", BROKEN)
async def test_where_nothing_can_move_in_nothing_is_left_and_the_agent_starts_cold(tmp_path, monkeypatch, caplog, how):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "enter.py").write_text(BROKEN[how])
    inside = codeforge_sandbox_bubblewrap.sandbox._Inside
    real = inside.empty

    def empty(self, program, *, cwd):
        return None if how == "none" else replace(real(self, program, cwd=cwd), enter=tmp_path / "broken" / "enter.py")

    monkeypatch.setattr(inside, "empty", empty)
    caplog.set_level("INFO")
    mark = f"8{os.getpid()}6"
    agent = WarmShell(home=tmp_path / "agents", warm=True)
    async with ScriptedModels() as models:
        job = AgentJob(
            run_id="run", prompt="echo worked", workspace=tmp_path / "workspace", home=tmp_path / "home",
            state=tmp_path / "state", model=Model(name="m", provider="scripted"), gateway=models.url, key="cfrun-key",
            mark={"MARK": mark},
        )  # fmt: skip
        events = [event async for event in InSandbox(agent, Bubblewrap()).run(job)]
    assert "worked" in str(events)
    assert "run run of Warm shell starts cold: " in caplog.text
    await until(lambda: not mentioning(mark))
    agent.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(os.getuid() != 0, reason="it is an ordinary user already")
def test_all_of_this_and_the_hostile_agents_end_are_the_same_for_an_ordinary_user():
    """With the system's Python, because that of this test may lie where others may not look."""
    python, own = "/usr/bin/python3", f"{sys.version_info[0]}.{sys.version_info[1]}"
    tell = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    if not Path(python).exists() or subprocess.check_output(tell, text=True).strip() != own:
        pytest.skip(f"{python} is no Python {own}")
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, 65534, 65534)
        env = {"HOME": home, "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python, "-m", "pytest", "-q",
                here / "test_sandbox_warm.py", here / "test_sandbox_hostile.py", "-k", "not shell or warm_shell",
                "-m", "slow or not slow", "-p", "no:cacheprovider", f"--basetemp={home}/base",
            ],
            check=False, env=env, cwd=here.parent, capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode and "PermissionError" in done.stdout + done.stderr and "passed" not in done.stdout:
        pytest.skip("an ordinary user cannot read these sources")
    assert done.returncode == 0, done.stdout[-6000:]
