"""The shell for agents that run their commands by themselves: to them it is bash, and nothing holds it up."""

import os
import signal
import subprocess
import time

import pytest

from codeforge import bounded_shell

SHELL = bounded_shell()
ENV = {**SHELL.env, "PATH": os.environ["PATH"]}


def shell(*arguments, **options):
    command = [SHELL.path, *arguments]
    return subprocess.run(command, env=ENV, capture_output=True, timeout=20, check=False, **options)


@pytest.mark.parametrize(
    ("command", "code"), [("true", 0), ("exit 3", 3), ("kill -9 $$", 137), ("no-such-command", 127)]
)
def test_the_exit_code_is_the_commands(command, code):
    assert shell("-c", command).returncode == code


def test_arguments_are_bashs_and_the_command_knows_nothing_of_it(tmp_path):
    ran = shell("-c", 'echo "$BASH_VERSION" "$0" "$1"; pwd; env', "zero", "one two", cwd=tmp_path)
    first, second, *env = ran.stdout.decode().splitlines()
    assert (first[0].isdigit(), first.endswith(" zero one two"), second) == (True, True, str(tmp_path))
    assert "CODEFORGE_PYTHON" not in str(env)


def test_long_output_is_its_beginning_and_its_end():
    out = shell("-c", "echo first; yes | head -c 1000000; echo last >&2").stdout
    assert (out[:8], out[-5:], len(out) < 140_000) == (b"first\ny\n", b"last\n", True)
    assert b"\n[... 868939 bytes left out ...]\n" in out


def test_what_is_left_in_the_background_holds_nothing_up_and_goes_on(tmp_path):
    began = time.monotonic()
    ran = shell("-c", "(sleep 0.5; echo more; echo on > on.txt; sleep 60) & echo $!; exit 7", cwd=tmp_path)
    assert (ran.returncode, time.monotonic() - began < 10) == (7, True)
    deadline = time.monotonic() + 10
    while not (tmp_path / "on.txt").exists():  # a pipe without a reader would have ended it before
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(os.getpgid(int(ran.stdout)), signal.SIGKILL)


def test_when_it_is_ended_so_is_its_command(tmp_path):
    with subprocess.Popen([SHELL.path, "-c", "echo $$; sleep 60"], env=ENV, stdout=subprocess.PIPE) as process:
        command = int(process.stdout.readline())
        process.terminate()
        assert process.wait(10) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(command, 0)


def test_where_nothing_can_read_on_for_a_job_in_the_background_its_command_has_ended_well_all_the_same(tmp_path):
    env = {**SHELL.env, "PATH": str(tmp_path)}  # as where no process more may be started: there is no cat
    command = [SHELL.path, "-c", "/bin/sleep 60 & echo $!; exit 7"]
    ran = subprocess.run(command, env=env, capture_output=True, timeout=20, check=False)
    assert (ran.returncode, ran.stderr) == (7, b"")
    os.kill(int(ran.stdout), signal.SIGKILL)  # it is still there


def test_standard_input_is_empty():
    assert shell("-c", "cat; echo over", input=b"not for it").stdout == b"over\n"
