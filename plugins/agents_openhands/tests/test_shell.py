"""The agent's commands: true exit codes, bounded output, nothing that blocks; no OpenHands is needed for it."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

import codeforge_agents_openhands
from codeforge.runners.backend import AGENT_SIDE

sys.path += [str(Path(codeforge_agents_openhands.__file__).parent / "runner"), str(AGENT_SIDE)]

from openhands_job.shell import Shell


@pytest.fixture
def shell(tmp_path):
    (tmp_path / "workspace").mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    return Shell(str(tmp_path / "workspace"), tmp_path / "own", env)


@pytest.mark.parametrize(
    ("command", "exit"),
    [
        ("true", 0), ("false", 1), ("(exit 3)", 3), ("exit 7", 7), ("sleep 0.05; echo OK", 0), ("no-such-command", 127),
        ("set -e; false; echo never", 1), ("set -u; echo $NOTHING", 1), ("echo 'open", 2), ("kill -9 $$", 137),
        ("trap 'echo bye' EXIT; exit 5", 5), ("exec false", 1), ("cat", 0), ("", 0), ("# nothing", 0),
    ],
)  # fmt: skip
def test_the_exit_code_is_the_command_s_own(shell, command, exit):
    assert shell.run(command, 10.0).exit == exit


def test_folder_variables_and_functions_carry_over_until_a_reset(shell, tmp_path):
    shell.run("mkdir -p 'a b' && cd 'a b' && export X='ö \"q\"' && f() { echo f$1; }; Y=1; exit 4", 10.0)
    ran = shell.run('pwd; echo "$X"; f 2; echo "[$Y]"', 10.0)
    assert ran.output == f'{tmp_path}/workspace/a b\nö "q"\nf2\n[]\n'
    assert ran.folder == f"{tmp_path}/workspace/a b"
    shell.run("rm -r ../'a b'", 10.0)
    assert shell.run("echo on", 10.0).output == "on\n"
    shell.reset()
    assert shell.run('pwd; echo "[$X]"', 10.0).output == f"{tmp_path}/workspace\n[]\n"


def test_a_command_of_half_a_megabyte_is_a_command(shell):
    ran = shell.run("cat <<'END' | wc -c\n" + "x" * 500_000 + "\nEND", 10.0)
    assert ran.output.strip() == "500001"


def test_long_output_costs_no_memory_and_shows_both_ends(shell):
    ran = shell.run("echo first; head -c 30000000 /dev/zero | tr '\\0' 'ä'; echo; echo last; exit 6", 30.0)
    assert ran.exit == 6
    assert ran.output.startswith("first\n")
    assert ran.output.endswith("last\n")
    assert "bytes left out" in ran.output
    assert len(ran.output) < 31_000


def test_what_is_no_utf_8_is_replaced(shell):
    assert shell.run("printf '\\xff\\xfe ok'", 10.0).output == "�� ok"


def test_a_background_process_holds_nothing_up_and_lives_on(shell, tmp_path):
    before = time.monotonic()
    ran = shell.run("(for i in 1 2 3 4; do sleep 0.1; echo $i; done; touch alive) & echo started", 10.0)
    assert ran.exit == 0
    assert ran.output.startswith("started\n")
    assert time.monotonic() - before < 5.0
    deadline = time.monotonic() + 10.0
    while not (tmp_path / "workspace" / "alive").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_background_process_that_never_stops_talking_holds_nothing_up(shell):
    ran = shell.run("yes & echo $! > pid; sleep 0.2; exit 3", 10.0)
    os.kill(int(Path(shell._workspace, "pid").read_text()), 9)
    assert ran.exit == 3
    assert len(ran.output) < 31_000


def test_a_command_that_takes_too_long_is_ended_with_all_of_its_group(shell):
    ran = shell.run("echo begun; sleep 300 & echo $!; sleep 300", 0.5)
    assert (ran.exit, ran.note) == (None, "ended after 0.5 s")
    begun, pid = ran.output.split()[:2]
    assert begun == "begun"
    assert gone(int(pid))
    assert shell.run("echo again", 10.0).exit == 0


def test_a_command_can_be_interrupted(shell):
    ran = []
    running = threading.Thread(target=lambda: ran.append(shell.run("touch begun; sleep 300", 300.0)))
    running.start()
    deadline = time.monotonic() + 10.0
    while not Path(shell._workspace, "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    shell.interrupt()
    running.join(10.0)
    assert (ran[0].exit, ran[0].note) == (None, "interrupted")


@pytest.mark.slow
def test_two_hundred_commands_on_a_busy_machine_tell_the_truth(shell):
    busy = [threading.Thread(target=lambda: shell_busy(time.monotonic() + 10.0)) for _ in range(6)]
    for one in busy:
        one.start()
    for n in range(200):
        ran = shell.run(f"sleep 0.0{n % 5}; echo out-{n}; (exit {n % 4})", 60.0)
        assert (ran.exit, ran.output) == (n % 4, f"out-{n}\n")
    for one in busy:
        one.join()


def shell_busy(until):
    while time.monotonic() < until:
        sum(range(10_000))


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True
