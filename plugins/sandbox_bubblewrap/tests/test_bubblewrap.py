"""The parts of the sandbox: what is shown and what never, who may be reached, and what is told where it fails."""

import asyncio
import os
from pathlib import Path

import pytest

from codeforge import Confinement, Forbidden, Process
from codeforge.process import confining
from codeforge_sandbox_bubblewrap import Bubblewrap, probe
from codeforge_sandbox_bubblewrap.allowed import Allowed
from codeforge_sandbox_bubblewrap.mounts import Mounts, prefixes

ENV = {"PATH": os.environ["PATH"], "LC_CTYPE": "C.UTF-8"}
pytestmark = pytest.mark.xdist_group("sandbox")


@pytest.fixture
def confinement(tmp_path):
    folder = tmp_path / "a folder whose path is much longer than that of a socket may be" / "and longer"
    for name in ("workspace", "home", "state"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "tool").write_text("a tool\n")
    return Confinement(
        run_id="run", folder=folder / "sandbox", workspace=folder / "workspace", home=folder / "home",
        state=folder / "state", readable=(tmp_path / "tools",), gateway="http://127.0.0.1:9/llm/v1", key="key",
    )  # fmt: skip


@pytest.fixture
async def run(confinement):
    """Runs a script in a sandbox; gives its lines and its exit code."""
    async with Bubblewrap().enter(confinement) as confined:

        async def script(text, **env):
            with confining(confined):
                async with Process(["sh", "-c", text], cwd=confinement.workspace, env={**ENV, **env}) as process:
                    lines = [line async for _, line in process.lines()]
                    return lines, await process.wait()

        yield script


async def test_a_run_writes_its_own_folders_and_reads_what_it_may(run, confinement, tmp_path):
    own = f"touch 1 '{confinement.home}/2' '{confinement.state}/3' /tmp/4"
    lines, code = await run(f"{own} && cat {tmp_path}/tools/tool && touch {tmp_path}/tools/5; ls {tmp_path}")
    assert (lines[0], code) == ("a tool", 0)
    assert lines[2:] == [confinement.folder.parents[1].name, "tools"]
    assert (confinement.state / "3").exists()
    assert not (tmp_path / "tools" / "5").exists()


async def test_the_environment_is_exactly_what_was_given(run):
    lines, _ = await run("env", GIVEN="1")
    assert sorted({line.split("=")[0] for line in lines} - {"PWD"}) == ["GIVEN", "LC_CTYPE", "PATH"]


async def test_what_ignores_broken_pipes_outside_is_told_of_them_inside(run):
    assert await run("yes | head -1; (sleep 0; kill -s PIPE $$) & wait; echo survived") == (["y"], 128 + 13)


async def test_a_command_that_is_not_there_says_so(confinement):
    async with Bubblewrap().enter(confinement) as confined:
        with confining(confined):
            async with Process(["no-such-command"], cwd=confinement.workspace, env=ENV) as process:
                assert [line async for line in process.lines()] == [
                    ("stderr", "cannot start no-such-command: No such file or directory")
                ]
                assert await process.wait() == 127


async def test_the_door_is_shut_when_the_run_is_over(confinement):
    async with Bubblewrap().enter(confinement):
        pass
    folder = os.open(confinement.folder / "doors", os.O_RDONLY)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/gateway")
    os.close(folder)


def shown(mounts, executable=None):
    words = mounts.arguments(executable)
    return [words[at + 1] for at, word in enumerate(words) if word.startswith("--ro-bind")]


def test_no_folder_is_shown_in_which_something_hidden_lies(confinement, tmp_path):
    mounts = Mounts(confinement, hidden=[tmp_path / "tools" / "data"])
    assert str(tmp_path / "tools") not in shown(mounts)
    assert str(tmp_path / "tools") in shown(Mounts(confinement, hidden=[tmp_path / "data"]))


def test_nor_through_a_link_to_it(confinement, tmp_path):
    (tmp_path / "tools" / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "tools" / "data")
    assert str(tmp_path / "tools") not in shown(Mounts(confinement, hidden=[tmp_path / "link"]))


def test_a_python_brings_its_prefix_and_that_of_the_one_that_it_was_made_from(tmp_path):
    for name, marker in (("base", "lib/python3.11/os.py"), ("venv", "pyvenv.cfg")):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / marker).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / marker).touch()
    (tmp_path / "base/bin/python3.11").touch()
    (tmp_path / "base/bin/python3").symlink_to("python3.11")
    (tmp_path / "venv/bin/python").symlink_to(tmp_path / "base/bin/python3")
    found = set(prefixes(tmp_path / "venv/bin/python"))
    assert found == {tmp_path / "venv", tmp_path / "base"}


def test_any_other_program_brings_itself_alone(tmp_path):
    assert list(prefixes(tmp_path / "bin" / "tool")) == [tmp_path / "bin" / "tool"]


async def reached(hosts, host, port):
    try:
        return await Allowed(hosts).addresses(host, port)
    except Forbidden as error:
        return str(error)


async def named(monkeypatch, *addresses):
    async def getaddrinfo(host, port, **_):
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    ("hosts", "host", "port", "may"),
    [
        (["packages.example.org"], "packages.example.org", 443, True),
        (["packages.example.org"], "Packages.Example.org.", 80, True),
        (["packages.example.org"], "packages.example.org", 22, False),
        (["packages.example.org"], "files.packages.example.org", 443, False),
        (["packages.example.org"], "evilpackages.example.org", 443, False),
        ([".packages.example.org"], "a.b.packages.example.org", 443, True),
        ([".packages.example.org"], "packages.example.org", 443, False),
        ([".packages.example.org"], "evilpackages.example.org", 443, False),
        (["packages.example.org:8443"], "packages.example.org", 8443, True),
        (["packages.example.org:8443"], "packages.example.org", 443, False),
        (["packages.example.org"], "93.184.216.34", 443, False),
    ],
)
async def test_hosts_are_let_through_by_name_and_port(monkeypatch, hosts, host, port, may):
    await named(monkeypatch, "93.184.216.34")
    assert (await reached(hosts, host, port) == ["93.184.216.34"]) is may


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fd00::1", "fe80::1",
    "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_never_leads_to_a_private_address(monkeypatch, address):
    await named(monkeypatch, address)
    assert "leads to a private address" in await reached(["packages.example.org"], "packages.example.org", 443)
    await named(monkeypatch, address, "93.184.216.34")
    assert await reached(["packages.example.org"], "packages.example.org", 443) == ["93.184.216.34"]


async def test_a_private_address_is_let_through_where_it_is_listed_with_its_port(monkeypatch):
    assert await reached(["10.0.0.5:3141"], "10.0.0.5", 3141) == ["10.0.0.5"]
    assert "none of the hosts" in await reached(["10.0.0.5:3141"], "10.0.0.5", 80)
    assert await reached(["[fd00::5]:443"], "[fd00::5]", 443) == ["fd00::5"]
    await named(monkeypatch, "10.0.0.5")
    assert await reached(["index.corp:3141", "10.0.0.5:3141"], "index.corp", 3141) == ["10.0.0.5"]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 1", "bubblewrap does not work here: it gave no reason."),
        ("echo 'bwrap: No permissions to create new namespace'; exit 1", "No permissions to create new namespace"),
    ],
)
async def test_where_it_does_not_work_its_health_says_why_and_what_to_do(tmp_path, monkeypatch, script, told):
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setattr(probe, "PROGRAM", str(tmp_path / "bwrap"))
    monkeypatch.setattr(probe, "_known", None)
    health = await Bubblewrap().check()
    assert (health.ok, told in health.detail) == (False, True)
    assert "kernel.unprivileged_userns_clone=1" in health.fix


async def test_where_user_namespaces_cannot_be_forbidden_inside_it_works_and_says_so(tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text(
        '#!/bin/sh\ncase "$*" in *--disable-userns*) exit 1;; *--version*) echo 1.0;; esac\n'
    )
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setattr(probe, "PROGRAM", str(tmp_path / "bwrap"))
    monkeypatch.setattr(probe, "_known", None)
    health = await Bubblewrap().check()
    assert (health.ok, health.version) == (True, "1.0")
    assert "more user namespaces can be made inside" in health.detail


def test_what_runs_inside_imports_nothing_that_is_installed():
    inside = Path(probe.__file__).with_name("inside")
    assert sorted(path.name for path in inside.glob("*.py")) == [
        "bridge.py",
        "calls.py",
        "child.py",
        "enter.py",
        "watch.py",
    ]
