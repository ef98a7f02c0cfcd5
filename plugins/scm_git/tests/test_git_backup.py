"""A mirror goes into a backup as it is, while others work on it, and comes back with every hidden reference."""

import asyncio

import pytest

from codeforge import Invalid
from codeforge_scm_git.kind import Git


def refs(repo):
    return repo.git("for-each-ref", "--format=%(objectname) %(refname)")


async def test_what_runs_left_comes_back_with_their_changes_and_can_be_delivered(desk, tmp_path, origin):
    kept, accepted = await desk.change({"kept.py": "1\n"}), await desk.change({"new.py": "2\n"})
    saved = tmp_path / "saved"
    saved.mkdir()
    await desk.scm.backup(desk.project, saved)
    before = refs(desk.mirror)
    await desk.scm.forget(desk.project)
    await desk.scm.restore(desk.project, saved)
    assert refs(desk.mirror) == before
    assert desk.mirror.git("fsck", "--connectivity-only", "--no-dangling") == ""
    assert "+1" in await desk.scm.diff(desk.project, kept.base, kept.head)
    await desk.deliver(accepted)
    assert origin.show("main", "new.py") == "2"
    again = await desk.change({"more.py": "3\n"})  # and new runs go on from it
    assert again.files == 1


async def test_a_mirror_is_saved_while_runs_write_to_it(desk, tmp_path):
    await desk.change({"first.py": "1\n"})

    async def work():
        return [await desk.change({f"f{n}.py": "x\n" * 1000}) for n in range(5)]

    async def save(n):
        into = tmp_path / f"saved{n}"
        into.mkdir()
        await desk.scm.backup(desk.project, into)
        elsewhere = Git(tmp_path / f"elsewhere{n}")
        await elsewhere.restore(desk.project, into)
        return tmp_path / f"elsewhere{n}" / "p1.git"

    changes, *saved = await asyncio.gather(work(), save(0), save(1), save(2))
    for path in saved:
        at = desk.mirror.__class__(path)
        assert at.git("fsck", "--connectivity-only", "--no-dangling") == ""
        assert set(refs(at).splitlines()) <= set(refs(desk.mirror).splitlines())
    assert len(changes) == 5


async def test_there_is_nothing_to_save_before_the_first_run(desk, tmp_path):
    await desk.scm.backup(desk.project, tmp_path)
    assert not list(tmp_path.glob("mirror*"))


@pytest.mark.parametrize("kind", ["shallow", "sha256"])
async def test_a_shallow_mirror_and_one_with_sha256_ids_come_back(desk_on, origin, tmp_path, repo_at, kind):
    url = tmp_path / kind
    if kind == "shallow":
        origin.commit({"b.py": "b\n"})
        origin.git("clone", "-q", "--depth", "1", f"file://{origin.path}", str(url))
    else:
        origin.git("init", "-q", "--object-format=sha256", str(url))
        repo_at(url).commit({"b.py": "b\n"})
    desk, saved = desk_on(str(url)), tmp_path / "saved"
    change = await desk.change({"new.py": "n\n"})
    saved.mkdir()
    await desk.scm.backup(desk.project, saved)
    before = refs(desk.mirror)
    await desk.scm.forget(desk.project)
    await desk.scm.restore(desk.project, saved)
    assert refs(desk.mirror) == before
    assert "+n" in await desk.scm.diff(desk.project, change.base, change.head)


async def test_a_damaged_backup_leaves_no_mirror(desk, tmp_path):
    await desk.change({"new.py": "n\n"})
    saved = tmp_path / "saved"
    saved.mkdir()
    await desk.scm.backup(desk.project, saved)
    await desk.scm.forget(desk.project)
    content = (saved / "mirror.bundle").read_bytes()
    for bad in (content[:-30], content[:20], b""):
        (saved / "mirror.bundle").write_bytes(bad)
        with pytest.raises(Invalid, match="backup of its mirror is damaged"):
            await desk.scm.restore(desk.project, saved)
        assert not desk.mirror.path.exists()
