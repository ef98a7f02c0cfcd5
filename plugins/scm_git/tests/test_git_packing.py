"""Commits go from a server's mirror to a worker's and back, and no more of them than is needed."""

import pytest

from codeforge import Conflict

BASE, WORK = "refs/codeforge/base/1", "refs/codeforge/runs/run1/1"


@pytest.fixture
def far(tmp_path, desk):
    """A desk on another machine: its mirror of the same project is empty, and it cannot reach the origin."""
    return type(desk)(tmp_path / "far", "https://nowhere.invalid/origin.git")


async def carried(here, there, path, refs):
    """Bring commits from one mirror to the other; gives the bytes that it took."""
    if not await here.scm.pack(here.project, path, refs, await there.scm.tips(there.project)):
        return 0
    await there.scm.unpack(there.project, path)
    return path.stat().st_size


async def test_a_far_mirror_works_on_a_commit_and_sends_the_change_back(desk, far, origin, tmp_path):
    origin.git("tag", "v1.0")
    base = await desk.scm.refresh(desk.project, desk.told.append)
    assert await carried(desk, far, tmp_path / "there", {BASE: base})
    workspace = await far.prepare(base=base, fetch=False)
    assert (workspace.path / "a.py").read_text() == "print('a')\n"
    assert "v1.0" in far.mirror.git("tag")
    (workspace.path / "a.py").write_text("print('b')\n")
    change = await far.escrow(workspace, ref=WORK)
    assert await carried(far, desk, tmp_path / "back", {WORK: change.head})
    assert "+print('b')" in await desk.scm.diff(desk.project, base, change.head)
    assert desk.mirror.git("rev-parse", WORK) == change.head
    assert await desk.deliver(change, "squash")


async def test_what_a_mirror_has_is_not_sent_again(desk, far, origin, tmp_path):
    origin.commit({"large.txt": "".join(f"{n * 7919}\n" for n in range(20_000))})
    base = await desk.scm.refresh(desk.project, desk.told.append)
    whole = await carried(desk, far, tmp_path / "1", {BASE: base})
    assert await carried(desk, far, tmp_path / "2", {BASE: base}) == 0
    origin.commit({"small.txt": "1\n"})
    base = await desk.scm.refresh(desk.project, desk.told.append)
    assert 0 < await carried(desk, far, tmp_path / "3", {"refs/codeforge/base/2": base}) < whole / 10
    assert (await far.prepare(base=base, fetch=False)).base == base


async def test_a_pack_that_builds_on_missing_commits_is_refused(desk, far, origin, tmp_path):
    first = await desk.scm.refresh(desk.project, desk.told.append)
    origin.commit({"b.txt": "1\n"})
    second = await desk.scm.refresh(desk.project, desk.told.append)
    assert await desk.scm.pack(desk.project, tmp_path / "thin", {BASE: second}, [first])
    with pytest.raises(Conflict, match="lacks the commits"):
        await far.scm.unpack(far.project, tmp_path / "thin")
