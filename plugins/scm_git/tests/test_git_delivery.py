"""Bringing accepted changes into the origin, whatever happened there meanwhile."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from codeforge import Conflict, Invalid, MergeConflict

STRATEGIES = ("merge", "squash", "fast-forward")


async def two_commits(desk, repo_at):
    workspace = await desk.prepare()
    inside = repo_at(workspace.path)
    inside.commit({"x": "1\n"}, "add x")
    inside.commit({"y": "1\n"}, "add y")
    return await desk.escrow(workspace)


async def test_an_unmoved_branch_gets_the_change_by_each_strategy(desk, origin, repo_at):
    change = await two_commits(desk, repo_at)
    assert await desk.deliver(change, "fast-forward") == change.head == origin.git("rev-parse", "main")

    change = await desk.change({"z": "1\n"})
    merge = await desk.deliver(change, "merge", "Bring z")
    assert origin.git("rev-parse", "main") == merge
    assert origin.git("log", "-1", "--format=%s|%an|%cn <%ce>") == "Bring z|CodeForge|CodeForge <codeforge@localhost>"
    assert origin.git("log", "-1", "--format=%P") == f"{change.base} {change.head}"

    change = await desk.change({"w": "1\n", "v": "1\n"})
    squash = await desk.deliver(change, "squash", "Bring w and v")
    assert origin.git("log", "-1", "--format=%H %P") == f"{squash} {change.base}"
    assert origin.git("log", "-1", "--format=%s|%an <%ae>") == "Bring w and v|Ada Lovelace <ada@example.org>"
    assert origin.git("status", "--porcelain") == ""
    assert (origin.path / "w").read_text() == "1\n"


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_accepting_twice_delivers_once(desk, origin, strategy):
    change = await desk.change({"x": "1\n"})
    first = await desk.deliver(change, strategy)
    count = origin.git("rev-list", "--count", "main")
    assert await desk.deliver(change, strategy) == first
    origin.commit({"later": "1\n"})
    assert await desk.deliver(change, strategy) == first
    assert int(origin.git("rev-list", "--count", "main")) == int(count) + 1


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_branch_that_moved_keeps_its_work_and_gets_the_change(desk, origin, repo_at, strategy):
    change = await two_commits(desk, repo_at)
    moved = origin.commit({"a.py": "moved\n"}, "moved")
    await desk.deliver(change, strategy, "Bring it")
    assert origin.git("merge-base", moved, "main") == moved
    assert {name: (origin.path / name).read_text() for name in ("x", "y", "a.py")} == {
        "x": "1\n",
        "y": "1\n",
        "a.py": "moved\n",
    }
    told = origin.git("log", "--first-parent", "--format=%s", f"{moved}..main").splitlines()
    assert told == (["add y", "add x"] if strategy == "fast-forward" else ["Bring it"])
    assert origin.git("status", "--porcelain") == ""


async def test_a_rebase_keeps_authors_dates_and_words(desk, origin, repo_at):
    workspace = await desk.prepare()
    repo_at(workspace.path).write({"x": "1\n"})
    repo_at(workspace.path).git("add", "-A")
    repo_at(workspace.path).git(
        "commit", "-qm", "Subject\n\nBody: ü", "--author", "Zoë <z@example.org>", "--date", "2001-02-03T04:05:06+0700"
    )
    change = await desk.escrow(workspace)
    origin.commit({"moved": "1\n"})
    await desk.deliver(change, "fast-forward")
    assert origin.git("log", "-1", "--format=%an <%ae> %aI %cn%n%B") == (
        "Zoë <z@example.org> 2001-02-03T04:05:06+07:00 CodeForge\nSubject\n\nBody: ü"
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_conflict_names_the_files_and_changes_nothing(desk, origin, strategy):
    change = await desk.change({"a.py": "mine\n", "docs/b.md": "mine\n", "new": "1\n"})
    origin.commit({"a.py": "theirs\n", "docs/b.md": "theirs\n", "other": "1\n"})
    before = origin.state()
    with pytest.raises(MergeConflict, match=r"a\.py, docs/b\.md") as conflict:
        await desk.deliver(change, strategy)
    assert conflict.value.files == ["a.py", "docs/b.md"]
    assert origin.state() == before
    origin.git("revert", "--no-edit", "HEAD")
    await desk.deliver(change, strategy)
    assert (origin.path / "a.py").read_text() == "mine\n"


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_uncommitted_files_at_the_origin_are_never_overwritten(desk, origin, strategy):
    change = await desk.change({"a.py": "mine\n", "new": "mine\n"})
    origin.write({"a.py": "precious\n"})
    before = origin.state()
    with pytest.raises(Conflict, match=r"uncommitted changes in a\.py: commit or stash them, then accept again"):
        await desk.deliver(change, strategy)
    assert origin.state() == before
    assert (origin.path / "a.py").read_text() == "precious\n"
    origin.git("checkout", "a.py")
    origin.write({"new": "precious too\n"})
    with pytest.raises(Conflict, match="uncommitted changes in new"):
        await desk.deliver(change, strategy)
    assert (origin.path / "new").read_text() == "precious too\n"
    origin.git("stash", "-u")
    await desk.deliver(change, strategy)
    assert (origin.path / "a.py").read_text() == "mine\n"


async def test_uncommitted_files_on_another_branch_do_not_matter(desk, origin):
    change = await desk.change({"a.py": "mine\n"})
    origin.git("checkout", "-qb", "elsewhere")
    origin.write({"a.py": "precious\n"})
    await desk.deliver(change)
    assert origin.git("show", "main:a.py") == "mine"
    assert (origin.path / "a.py").read_text() == "precious\n"


async def test_the_origins_own_filters_and_hooks_count_for_its_files(desk, origin, tmp_path):
    origin.git("config", "filter.case.smudge", "tr a-z A-Z")
    origin.git("config", "filter.case.clean", "tr A-Z a-z")
    origin.commit({".gitattributes": "*.up filter=case\n"})
    hook = origin.path / ".git/hooks/post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv > {tmp_path}/hook-env\n")
    hook.chmod(0o755)
    await desk.deliver(await desk.change({"f.up": "shout\n"}))
    assert (origin.path / "f.up").read_text() == "SHOUT\n"
    assert origin.git("status", "--porcelain") == ""
    assert origin.git("config", "--get", "receive.denyCurrentBranch", check=False) == ""
    assert (tmp_path / "hook-env").exists()


async def test_hooks_of_the_origin_see_no_secret_of_the_service(desk, origin, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("CODEFORGE_DATABASE_URL", "postgres://secret")
    hook = origin.path / ".git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv > {tmp_path}/hook-env\n")
    hook.chmod(0o755)
    await desk.deliver(await desk.change({"x": "1\n"}))
    assert "PATH=" in (tmp_path / "hook-env").read_text()
    assert "secret" not in (tmp_path / "hook-env").read_text()


async def test_a_hook_that_refuses_is_quoted_without_control_characters(desk, origin):
    change = await desk.change({"x": "1\n"})
    hook = origin.path / ".git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nprintf '\\033[31mNo ticket\\033[0m in the message\\n' >&2\nexit 1\n")
    hook.chmod(0o755)
    before = origin.state()
    with pytest.raises(
        Conflict, match=r"refused the change on main \(pre-receive hook declined\): No ticket in the message$"
    ):
        await desk.deliver(change)
    assert origin.state() == before
    hook.unlink()
    await desk.deliver(change)


async def test_a_branch_that_moves_in_the_very_moment_is_followed(desk, origin, tmp_path, repo_at):
    """Somebody else's push lands between our look at the branch and our own push."""
    origin.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    desk.project = dataclasses.replace(desk.project, url=str(tmp_path / "bare.git"))
    bare = repo_at(tmp_path / "bare.git")
    change = await desk.change({"x": "1\n"})
    theirs = origin.commit({"theirs": "1\n"})
    bare.git("fetch", "-q", str(origin.path), "main:refs/heads/side")
    hook = bare.path / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nrm $0\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {theirs}\n")
    hook.chmod(0o755)
    commit = await desk.deliver(change, "squash")
    assert bare.git("rev-parse", "main", "main^") == f"{commit}\n{theirs}"


async def test_changes_delivered_at_once_all_arrive(desk, origin):
    changes = [await desk.change({f"file{n}": "1\n"}) for n in range(4)]
    await asyncio.gather(*(desk.deliver(change, STRATEGIES[n % 3]) for n, change in enumerate(changes)))
    assert all((origin.path / f"file{n}").exists() for n in range(4))
    assert origin.git("status", "--porcelain") == ""


async def test_a_rewritten_history_gets_the_change_and_not_what_was_removed(desk, origin):
    origin.commit({"secret": "removed later\n"})
    change = await desk.change({"x": "1\n"})
    origin.git("reset", "-q", "--hard", "HEAD^")
    origin.commit({"instead": "1\n"})
    with pytest.raises(Conflict, match="choose squash or fast-forward"):
        await desk.deliver(change, "merge")
    await desk.deliver(change, "squash")
    assert (origin.path / "x").exists()
    assert "secret" not in origin.git("ls-tree", "-r", "--name-only", "main")


async def test_a_change_that_is_at_the_origin_already_is_a_success(desk, origin):
    change = await desk.change({"x": "1\n"})
    tip = origin.commit({"x": "1\n", "more": "2\n"})
    assert await desk.deliver(change, "squash") == tip
    assert await desk.deliver(change, "fast-forward") == tip


async def test_a_delivery_that_did_not_get_to_its_push_is_taken_up_with_the_same_commit(desk, origin):
    change = await desk.change({"x": "1\n"})
    first = await desk.deliver(change, "squash")
    origin.git("reset", "-q", "--hard", change.base)  # as if the process had died before the push
    assert await desk.deliver(change, "squash") == first
    assert origin.git("rev-parse", "main") == first


async def test_a_stopped_delivery_leaves_nothing_running_and_can_be_repeated(desk, origin, tmp_path):
    change = await desk.change({"x": "1\n"})
    hook = origin.path / ".git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid.new\nmv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 600\n")
    hook.chmod(0o755)
    task = asyncio.create_task(desk.deliver(change))
    while not (tmp_path / "pid").exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = int((tmp_path / "pid").read_text())
    async with asyncio.timeout(5):
        while alive(pid):
            await asyncio.sleep(0.01)
    assert origin.git("rev-parse", "main") == change.base
    hook.unlink()
    await desk.deliver(change)


async def test_unknown_strategies_lost_branches_and_lost_commits_are_told(desk, origin):
    change = await desk.change({"x": "1\n"})
    with pytest.raises(Invalid, match="choose one of merge, squash, fast-forward"):
        await desk.deliver(change, "octopus")
    origin.git("branch", "-m", "trunk")
    with pytest.raises(Conflict, match="branch main is not in"):
        await desk.deliver(change)
    for wrong in ("main~1", "main:refs/heads/x", "--force", "../main"):
        desk.project = dataclasses.replace(desk.project, branch=wrong)
        with pytest.raises(Conflict, match="is not in"):
            await desk.deliver(change)
    desk.project = dataclasses.replace(desk.project, branch="main")
    origin.git("branch", "-m", "main")
    await desk.scm.forget(desk.project)
    with pytest.raises(Conflict, match="not in the mirror"):
        await desk.deliver(change)
    with pytest.raises(Conflict, match="not in the mirror"):
        await desk.scm.diff(desk.project, change.base, change.head)


async def test_authors_and_messages_cannot_break_out_of_the_commit(desk, origin):
    change = await desk.change({"x": "1\n"})
    await desk.scm.deliver(
        desk.project, change, strategy="squash", message="\0--amend\n\nmore", author="Eve\ncommitter X <x@y> <e<v>e@x>"
    )
    assert origin.git("log", "-1", "--format=%cn|%s") == "CodeForge|--amend"


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
