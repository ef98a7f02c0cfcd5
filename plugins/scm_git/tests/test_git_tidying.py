"""Mirrors are packed while workspaces borrow from them, and no object goes."""

import os
import time

import pytest

from codeforge_scm_git import tidying

REF = "refs/codeforge/runs/run1/1"


def objects(repo):
    return set(repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").splitlines())


def loose(repo):
    return int(repo.git("count-objects").split()[0])


@pytest.fixture
def packs_soon(monkeypatch):
    monkeypatch.setattr(tidying, "LOOSE", 3)
    monkeypatch.setattr(tidying, "PACKS", 1)


async def test_packing_keeps_hidden_refs_and_what_only_a_live_workspace_still_needs(desk, repo_at, packs_soon):
    workspace = await desk.prepare()
    inside = repo_at(workspace.path)
    for n in range(5):
        inside.write({f"{n}.txt": f"{n}" * 100})
        change = await desk.escrow(workspace)
    lost = desk.mirror.git("hash-object", "-w", "--stdin", stdin=b"no reference reaches this")
    before = objects(desk.mirror)
    assert loose(desk.mirror) > 3
    await desk.scm.tidy("p1")
    assert objects(desk.mirror) >= before
    assert loose(desk.mirror) <= 1  # what no reference reaches may stay as it is
    assert desk.mirror.git("rev-parse", REF) == change.head
    inside.git("cat-file", "-e", lost)
    for n in range(5):  # again, now that there are packs: they are rolled into one another, and still nothing goes
        inside.write({f"{n}.txt": f"more {n}"})
        await desk.escrow(workspace)
        before = objects(desk.mirror)
        await desk.scm.tidy("p1")
        assert objects(desk.mirror) >= before
    inside.git("cat-file", "-e", lost)
    inside.git("fsck", "--connectivity-only")
    await workspace.remove()


async def test_what_was_unreachable_when_it_was_packed_stays_when_packs_are_rolled_up(desk, packs_soon):
    await desk.change({"a.txt": "x" * 100, "b.txt": "y" * 100})
    [ref] = [line.split()[-1] for line in desk.mirror.git("for-each-ref", "refs/codeforge").splitlines()]
    head = desk.mirror.git("rev-parse", ref)
    await desk.scm.tidy("p1")
    desk.mirror.git("update-ref", "-d", ref)
    for n in range(4):
        await desk.change({f"c{n}.txt": "z" * 100})
        await desk.scm.tidy("p1")
    desk.mirror.git("cat-file", "-e", f"{head}^{{tree}}")


async def test_a_small_mirror_is_left_as_it_is(desk):
    await desk.change({"a.txt": "new"})
    files = [sorted(desk.mirror.path.rglob("*"))]
    await desk.scm.tidy("p1")
    assert [sorted(desk.mirror.path.rglob("*"))] == files


async def test_halves_that_a_killed_git_left_go_unless_somebody_still_writes_them(desk):
    await desk.prepare()
    pack = desk.mirror.path / "objects" / "pack"
    for name, age in (("tmp_pack_old", 600), ("tmp_pack_new", 60), ("tmp_pack_open", 600)):
        (pack / name).write_bytes(b"half")
        os.utime(pack / name, (time.time() - age,) * 2)
    with (pack / "tmp_pack_open").open("rb"):
        await desk.scm.tidy("p1")
    assert {path.name for path in pack.glob("tmp_*")} == {"tmp_pack_new", "tmp_pack_open"}


async def test_mirrors_are_told_by_project_and_a_forgotten_one_is_dropped(desk, tmp_path):
    assert dict(await desk.scm.mirrors()) == {}
    await desk.prepare()
    assert dict(await desk.scm.mirrors()) == {"p1": desk.mirror.path}
    await desk.scm.drop("p1")
    assert list((tmp_path / "mirrors").iterdir()) == []
