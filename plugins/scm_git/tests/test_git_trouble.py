"""What is done when the disk is full, git is missing or old, a process dies, or nobody waits any more."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codeforge import Reason, RunFailure, Unavailable
from codeforge_scm_git.command import in_thread, pause
from codeforge_scm_git.health import check, judge


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 3 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        os.getuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "x", str(folder)], check=False).returncode
    ):
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_is_told_and_leaves_nothing_behind(desk, origin, small_disk):
    origin.commit({f"file{n}": os.urandom(500_000) for n in range(8)})
    into = small_disk / "w"
    with pytest.raises(RunFailure, match="No space is left on the disk") as failure:
        await desk.scm.prepare(desk.project, into, say=desk.told.append)
    assert failure.value.reason == Reason.DISK_FULL
    assert list(small_disk.iterdir()) == []
    assert list(desk.mirror.path.glob("codeforge/*")) == []


async def test_a_full_disk_of_the_mirror_is_told(desk_on, origin, small_disk, tmp_path):
    origin.commit({f"file{n}": os.urandom(500_000) for n in range(8)})
    desk = desk_on(str(origin.path))
    desk.scm = type(desk.scm)(small_disk / "mirrors")
    with pytest.raises(RunFailure, match="No space is left on the disk") as failure:
        await desk.prepare()
    assert failure.value.reason == Reason.DISK_FULL


async def test_a_read_only_data_folder_is_told(desk_on, origin, tmp_path):
    (tmp_path / "file").touch()
    desk = desk_on(str(origin.path))
    desk.scm = type(desk.scm)(tmp_path / "file" / "mirrors")
    with pytest.raises(RunFailure, match="cannot be used") as failure:
        await desk.prepare()
    assert failure.value.reason == Reason.WORKSPACE_ERROR


async def test_a_cancelled_preparation_leaves_nothing_behind(desk, home, tmp_path):
    hang = tmp_path / "hang"
    hang.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    hang.chmod(0o755)
    config = (home / ".gitconfig").read_text()
    (home / ".gitconfig").write_text(f"{config}[uploadpack]\n\tpackObjectsHook = {hang}\n")
    task = asyncio.create_task(desk.prepare())
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (home / ".gitconfig").write_text(config)
    await until(lambda: not alive(int((tmp_path / "pid").read_text())))
    assert not list(tmp_path.glob("workspaces/*"))
    await desk.prepare()


async def test_a_reference_lock_that_a_killed_git_left_is_removed_when_it_is_old(desk, origin):
    await desk.prepare()
    commit = origin.commit({"x": "1\n"})
    lock = desk.mirror.path / "refs/remotes/origin/main.lock"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)
    assert (await desk.prepare()).base == commit


DELIVER = """
import asyncio, datetime, json, sys
from pathlib import Path
from codeforge import Change, Project
from codeforge_scm_git.kind import Git
folder, project, change = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
project = Project(created_at=datetime.datetime.now(datetime.UTC), **project)
asyncio.run(Git(Path(folder)).deliver(project, Change(**change), strategy="squash", message="m", author="A <a@b>"))
"""


@pytest.mark.parametrize("hook", ["pre-receive", "post-receive"])
async def test_a_delivery_killed_before_or_after_the_push_arrives_exactly_once(desk, origin, tmp_path, hook):
    import dataclasses
    import json

    change = await desk.change({"x": "1\n"})
    script = origin.path / ".git/hooks" / hook
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/pid\nwhile [ ! -e {tmp_path}/go ]; do read x < /dev/null; done\n"
    )
    script.chmod(0o755)
    project = {k: v for k, v in dataclasses.asdict(desk.project).items() if k not in {"created_at", "limits"}}
    command = [sys.executable, "-c", DELIVER, str(tmp_path / "mirrors")]
    worker = subprocess.Popen([*command, json.dumps(project), json.dumps(dataclasses.asdict(change))])
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    worker.kill()
    worker.wait()
    if hook == "pre-receive":
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # nor does the push that it left behind arrive
    (tmp_path / "go").touch()
    script.unlink()
    commit = await desk.deliver(change, "squash")
    await until(lambda: origin.git("rev-parse", "main") == commit)
    assert origin.git("log", "--format=%H", "main") == f"{commit}\n{change.base}"


async def test_git_that_is_missing_is_told(desk, origin, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="git is not installed"):
        await desk.scm.inspect(str(origin.path))
    health = check()
    assert not health.ok
    assert "Install git 2.38" in health.fix


def test_health_tells_the_version_and_refuses_old_ones():
    assert check().ok
    assert judge("git", "git version 2.39.5 (Apple Git-154)").version == "2.39.5"
    assert judge("git", "git version 3.0").ok
    old = judge("git", "git version 2.37.9")
    assert (old.ok, old.detail) == (False, "git 2.37.9 is too old")
    assert not judge("git", "something else").ok


def test_the_plugin_offers_git_without_importing_gitpython(tmp_path):
    code = (
        "import sys; from codeforge import Settings; import codeforge_scm_git as p;"
        f"scm, = p.register_scms(Settings(data_dir={str(tmp_path)!r})); print(scm.name);"
        "assert 'git' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"git\n"


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


async def test_a_mirror_whose_head_was_cut_off_is_mended(desk):
    await desk.prepare()
    (desk.mirror.path / "HEAD").write_text("")
    await desk.prepare()


async def test_a_damaged_mirror_is_told_and_not_blamed_on_the_origin(desk, origin):
    await desk.prepare()
    for file in desk.mirror.path.glob("objects/??/*"):
        file.chmod(0o600)
        file.write_bytes(b"")
    origin.commit({"new": "1"})
    with pytest.raises(RunFailure, match=r"mirror .* is damaged: move it away") as failure:
        await desk.prepare()
    assert failure.value.reason == Reason.WORKSPACE_ERROR


async def test_origins_that_do_not_answer_hold_up_no_other_threads(desk):
    waiting = [asyncio.create_task(in_thread(pause, 60)) for _ in range(40)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "served"), 10) == "served"
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
