"""Workspaces: prepared from the mirror, found again, and gone when they are removed."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from codeforge import Invalid, Reason, RunFailure
from codeforge_scm_git import tree

REF = "refs/codeforge/runs/run1/1"


async def test_a_workspace_has_the_files_of_the_branch_and_a_git_of_its_own(desk, origin, repo_at):
    before = origin.state()
    workspace = await desk.prepare()
    inside = repo_at(workspace.path)
    assert workspace.base == origin.git("rev-parse", "HEAD") == inside.git("rev-parse", "HEAD")
    assert (workspace.path / "docs/b.md").read_text() == "one\ntwo\nthree\n"
    assert inside.git("status", "--porcelain") == ""
    assert inside.git("branch", "--show-current") == "codeforge/w1"
    assert inside.git("remote") == ""
    assert inside.git("config", "user.name") == "CodeForge agent"
    assert (workspace.path / ".git").is_dir()
    inside.git("fsck", "--strict")
    assert origin.state() == before
    assert desk.told == [f"Fetching {origin.path}"]


async def test_what_the_mirror_has_is_not_fetched_again_and_what_is_new_is(desk, origin):
    await desk.prepare()
    await desk.prepare()
    assert len(desk.told) == 1
    commit = origin.commit({"new.py": "1\n"})
    assert (await desk.prepare()).base == commit
    assert len(desk.told) == 2


async def test_a_branch_that_is_gone_at_the_origin_is_forgotten_and_hidden_references_stay(desk, origin):
    origin.git("branch", "side")
    change = await desk.change({"x": "1\n"})
    origin.git("branch", "-D", "side")
    await desk.prepare()
    assert "side" not in desk.mirror.git("for-each-ref")
    assert desk.mirror.git("rev-parse", "refs/codeforge/runs/run1/1") == change.head


async def test_a_workspace_can_be_made_at_an_older_base_and_from_an_earlier_runs_commit(desk, origin):
    base = origin.git("rev-parse", "HEAD")
    first = await desk.change({"x": "1\n"})
    origin.commit({"later": "1\n"})
    workspace = await desk.prepare(base=base, start=first.head)
    assert workspace.base == base
    assert (workspace.path / "x").exists()
    assert not (workspace.path / "later").exists()
    (workspace.path / "y").write_text("2\n")
    second = await desk.escrow(workspace)
    assert set(desk.files(second.head)) == {"a.py", "docs/b.md", "x", "y"}
    assert desk.mirror.git("rev-parse", f"{second.head}^") == first.head
    assert second.files == 2


async def test_tags_are_there_for_tools_that_tell_versions_by_them(desk, origin, repo_at):
    origin.git("tag", "-a", "v1.0", "-m", "one")
    workspace = await desk.prepare()
    assert repo_at(workspace.path).git("describe") == "v1.0"


async def test_a_shallow_origin_and_one_with_sha256_ids_work(desk_on, origin, new_repo, tmp_path, repo_at):
    origin.commit({"a.py": "2\n"})
    origin.git("clone", "-q", "--depth", "1", f"file://{origin.path}", str(tmp_path / "shallow"))
    desk = desk_on(str(tmp_path / "shallow"))
    workspace = await desk.prepare()
    assert repo_at(workspace.path).git("log", "--format=%s") == "change"
    (workspace.path / "a.py").write_text("3\n")
    await desk.deliver(await desk.escrow(workspace))
    assert (tmp_path / "shallow/a.py").read_text() == "3\n"

    (tmp_path / "long").mkdir()
    long = repo_at(tmp_path / "long")
    long.git("init", "-q", "--object-format=sha256")
    long.commit({"f": "1\n"})
    await desk.scm.forget(desk.project)
    other = desk_on(str(long.path))
    other.root = tmp_path / "more"
    workspace = await other.prepare()
    (workspace.path / "f").write_text("2\n")
    await other.deliver(await other.escrow(workspace), "squash")
    assert (long.path / "f").read_text() == "2\n"


async def test_two_workspaces_can_be_prepared_at_once(desk, origin):
    first, second = await asyncio.gather(desk.prepare(), desk.prepare())
    (first.path / "a.py").write_text("first\n")
    assert (second.path / "a.py").read_text() == "print('a')\n"
    one, two = await asyncio.gather(desk.escrow(first), desk.escrow(second, ref="refs/codeforge/runs/run2/1"))
    assert one.files == 1
    assert two.head == two.base


async def test_a_later_process_can_escrow_and_remove_what_an_earlier_one_left(desk, desk_on):
    left = await desk.prepare()
    (left.path / "x").write_text("1\n")
    later = desk_on(desk.project.url)
    workspace = await later.scm.reopen(later.project, left.path, left.base)
    assert (await later.escrow(workspace)).files == 1
    (desk.mirror.path / "index.lock").touch()
    for index in desk.mirror.path.glob("codeforge/*/index"):
        index.unlink()
    assert (await later.escrow(workspace)).files == 1
    await workspace.remove()
    with pytest.raises(Invalid, match="not a workspace"):
        await later.scm.reopen(later.project, left.path, left.base)


async def test_only_workspaces_can_be_reopened_so_that_nothing_else_is_removed(desk, origin, tmp_path):
    await desk.prepare()
    for path in (origin.path, tmp_path, Path("/"), tmp_path / "workspaces" / "w1" / ".." / ".." / "home"):
        with pytest.raises(Invalid, match="not a workspace"):
            await desk.scm.reopen(desk.project, path, "a" * 40)


async def test_a_folder_that_exists_is_neither_used_nor_removed(desk, tmp_path):
    into = tmp_path / "workspaces" / "w1"
    into.mkdir(parents=True)
    (into / "precious").touch()
    with pytest.raises(RunFailure, match="exists already") as failure:
        await desk.prepare()
    assert failure.value.reason == Reason.WORKSPACE_ERROR
    assert (into / "precious").exists()


async def test_an_unknown_branch_base_or_a_lost_origin_leaves_nothing_behind(desk, desk_on, origin, tmp_path):
    with pytest.raises(RunFailure, match="not in the mirror") as failure:
        await desk.prepare(base="b" * 40)
    assert failure.value.reason == Reason.WORKSPACE_ERROR
    with pytest.raises(RunFailure, match="not in the mirror"):
        await desk.prepare(start="--upload-pack=x")
    origin.git("branch", "-m", "trunk")
    with pytest.raises(RunFailure, match="branch main is not in") as failure:
        await desk.prepare()
    assert failure.value.reason == Reason.WORKSPACE_ERROR
    shutil.rmtree(origin.path)
    with pytest.raises(RunFailure, match="There is no folder") as failure:
        await desk.prepare()
    assert failure.value.reason == Reason.SCM_UNREACHABLE
    assert not list((tmp_path / "workspaces").glob("*"))


async def test_what_is_known_of_a_workspace_that_others_removed_is_forgotten_after_an_hour(desk):
    gone, young, kept = [await desk.prepare() for _ in range(3)]
    for workspace in (gone, young):
        shutil.rmtree(workspace.path)
    for record in desk.mirror.path.glob("codeforge/*/record.json"):
        if str(young.path) not in record.read_text():
            os.utime(record, (time.time() - 7200,) * 2)
    last = await desk.prepare()
    known = [json.loads(r.read_text())["path"] for r in desk.mirror.path.glob("codeforge/*/record.json")]
    assert sorted(known) == sorted(str(w.path) for w in (young, kept, last))


async def test_a_workspace_is_found_again_by_another_spelling_of_its_path(desk, tmp_path):
    workspace = await desk.prepare()
    (tmp_path / "alias").symlink_to(tmp_path / "workspaces")
    again = await desk.scm.reopen(desk.project, tmp_path / "alias" / "w1", workspace.base)
    assert again.path == workspace.path
    (tmp_path / "workspaces" / "link").symlink_to(workspace.path)
    with pytest.raises(Invalid, match="not a workspace"):
        await desk.scm.reopen(desk.project, tmp_path / "workspaces" / "link", workspace.base)


async def test_forgetting_a_project_removes_its_mirror_and_only_that(desk, tmp_path, origin):
    before = origin.state()
    await desk.prepare()
    await desk.scm.forget(desk.project)
    assert list((tmp_path / "mirrors").iterdir()) == []
    assert origin.state() == before
    await desk.scm.forget(desk.project)


def test_removal_works_for_a_user_who_is_not_root(tmp_path):
    if os.getuid():
        pytest.skip("every other test shows it for a user who is not root")
    root = Path(tempfile.mkdtemp(dir="/tmp"))
    folder = root / "left"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/c").write_text("x")
    for path in (folder / "a/b/c", folder / "a/b", folder / "a", folder, root):
        os.chown(path, 65534, 65534)
    (folder / "a/b").chmod(0)
    (folder / "a").chmod(0o400)
    if not (child := os.fork()):
        os.setuid(65534)
        tree.remove(folder)
        os._exit(0 if not folder.exists() else 1)
    assert os.waitpid(child, 0)[1] == 0
    root.rmdir()


async def test_a_workspace_whose_record_was_cut_off_is_none(desk):
    workspace = await desk.prepare()
    [record] = desk.mirror.path.glob("codeforge/*/record.json")
    record.write_text("{")
    with pytest.raises(Invalid, match="is not a workspace"):
        await desk.scm.reopen(desk.project, workspace.path, workspace.base)
