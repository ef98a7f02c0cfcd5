"""Escrow: whatever an agent leaves in a workspace is kept, and nothing that it left is run."""

import os
import shutil

import pytest

REF = "refs/codeforge/runs/run1/1"


async def test_nothing_changed_gives_the_base_itself(desk):
    workspace = await desk.prepare()
    assert await workspace.escrow(REF, "nothing", "A <a@b>") == workspace.base
    assert desk.mirror.git("rev-parse", REF) == workspace.base


async def test_everything_an_agent_leaves_is_in_escrow_but_what_is_ignored(desk, origin):
    origin.commit(
        {".gitignore": "*.log\nbuild/\n", "old name.txt": "a line\n" * 20, "run.sh": "#!/bin/sh\n", "gone": "x\n"}
    )
    workspace = await desk.prepare()
    root = workspace.path
    (root / "a.py").write_text("changed\n")
    (root / "old name.txt").rename(root / "new näme.txt")
    (root / "gone").unlink()
    (root / "run.sh").chmod(0o755)
    (root / "debug.log").write_text("noise")
    (root / "build").mkdir()
    (root / "build/out").write_text("noise")
    (root / "empty folder").mkdir()
    for name in ("with space", "-dash", "--upload-pack=x", "new\nline", "tab\there", 'quo"te', "日本"):
        (root / name).write_text("text\n")
    (root / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    change = await desk.escrow(workspace)
    files = desk.files(change.head)
    assert {"with space", "-dash", "--upload-pack=x", "new\nline", "tab\there", 'quo"te', "日本", "crlf.txt"} <= set(
        files
    )
    assert not {"debug.log", "build/out", "gone"} & set(files)
    assert files["run.sh"] == "100755"
    assert desk.mirror.git("cat-file", "-s", f"{change.head}:crlf.txt") == "10"
    changes = {c.path: c for c in await desk.scm.changes(desk.project, change.base, change.head)}
    assert changes["new näme.txt"].status == "renamed"
    assert changes["new näme.txt"].old_path == "old name.txt"
    assert changes["gone"].status == "deleted"
    assert changes["run.sh"].status == "modified"
    assert desk.mirror.git("log", "-1", "--format=%an <%ae>|%cn <%ce>|%s", change.head) == (
        "Ada Lovelace <ada@example.org>|CodeForge <codeforge@localhost>|the work"
    )
    assert root.is_dir()


async def test_ten_thousand_files_with_difficult_names_survive(desk, origin):
    blob = origin.git("hash-object", "-w", "--stdin", stdin=b"text\n")
    entries = "".join(f"100644 {blob}\tdir {n % 100}/fïle {n}\n.txt\0" for n in range(10_000))
    origin.git("update-index", "-z", "--index-info", stdin=entries.encode())
    origin.git("commit", "-qm", "many")
    workspace = await desk.prepare()
    (workspace.path / "dir 7/fïle 7\n.txt").write_text("changed\n")
    (workspace.path / "dir 8/fïle 8\n.txt").unlink()
    change = await desk.escrow(workspace)
    assert (change.files, change.added, change.deleted) == (2, 1, 2)


async def test_links_are_kept_as_links_and_never_followed(desk, origin, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("hidden")
    (origin.path / "out").symlink_to("/etc/passwd")
    origin.commit({"folder/key": "tracked\n", "folder/other": "x\n"})
    workspace = await desk.prepare()
    root = workspace.path
    assert str((root / "out").readlink()) == "/etc/passwd"
    shutil.rmtree(root / "folder")
    (root / "folder").symlink_to(secret)
    (root / "another").symlink_to("../../home")
    change = await desk.escrow(workspace)
    files = desk.files(change.head)
    assert files["out"] == files["another"] == files["folder"] == "120000"
    assert "folder/key" not in files
    await workspace.remove()
    assert (secret / "key").read_text() == "hidden"


async def test_submodules_stay_at_their_commit_and_their_content_is_named(desk, origin, new_repo):
    library = new_repo("library")
    origin.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.path), "lib")
    origin.commit({}, "with a submodule")
    workspace = await desk.prepare()
    assert list((workspace.path / "lib").iterdir()) == []
    (workspace.path / "a.py").write_text("2\n")
    change = await desk.escrow(workspace)
    assert desk.files(change.head)["lib"] == "160000"
    assert change.files == 1
    (workspace.path / "lib/new").write_text("x")
    change = await desk.escrow(workspace)
    assert "lies in a submodule: lib" in desk.mirror.git("log", "-1", "--format=%B", change.head)
    shutil.rmtree(workspace.path / "lib")
    change = await desk.escrow(workspace)
    assert "lib" not in desk.files(change.head)


async def test_a_repository_that_an_agent_made_inside_is_kept_as_its_files(desk, repo_at):
    workspace = await desk.prepare()
    for name in ("with commit", "without", "with commit/deeper"):
        if name.endswith("deeper"):
            repo_at(workspace.path / "with commit").commit({"committed": "1\n", ".gitignore": "*.o\n", "x.o": "1"})
        inner = workspace.path / name
        inner.mkdir()
        repo_at(inner).git("init", "-q")
        (inner / "file").write_text(f"{name}\n")
        (inner / "junk.pyc").write_text("x")
    (workspace.path / ".gitignore").write_text("*.pyc\n")
    change = await desk.escrow(workspace)
    files = desk.files(change.head)
    assert {"with commit/file", "with commit/committed", "without/file", "with commit/deeper/file"} <= set(files)
    assert "160000" not in files.values()
    assert not [name for name in files if name.endswith((".pyc", ".o"))]


async def test_lfs_pointers_stay_pointers_and_no_filter_of_the_user_runs(desk, origin, home, tmp_path):
    ran = tmp_path / "ran"
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n"
    origin.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "big.bin": pointer})
    with (home / ".gitconfig").open("a") as config:
        config.write(f'[filter "lfs"]\n\tsmudge = touch {ran}\n\tclean = touch {ran}\n\trequired = true\n')
        config.write(f"[core]\n\thooksPath = {tmp_path}/hooks\n\tfsmonitor = touch {ran}\n")
    workspace = await desk.prepare()
    assert (workspace.path / "big.bin").read_text() == pointer
    (workspace.path / "new.bin").write_text(pointer.replace("abc", "def"))
    change = await desk.escrow(workspace)
    assert change.files == 1
    assert "+oid sha256:def" in await desk.scm.diff(desk.project, change.base, change.head)
    assert not ran.exists()


async def test_a_large_binary_file_goes_through_and_shows_as_one_line(desk):
    workspace = await desk.prepare()
    (workspace.path / "big").write_bytes(os.urandom(1 << 20) * 100)
    change = await desk.escrow(workspace)
    diff = await desk.scm.diff(desk.project, change.base, change.head)
    assert "Binary files /dev/null and b/big differ" in diff
    assert len(diff) < 500
    assert (change.files, change.added) == (1, 0)


async def test_commits_of_the_agent_stay_as_ancestors(desk, repo_at):
    workspace = await desk.prepare()
    inside = repo_at(workspace.path)
    own = inside.commit({"x": "1\n"}, "my commit")
    change = await desk.escrow(workspace)
    assert change.head == own
    (workspace.path / "y").write_text("2\n")
    change = await desk.escrow(workspace)
    assert desk.mirror.git("log", "--format=%s", f"{change.base}..{change.head}") == "the work\nmy commit"
    inside.git("gc", "-q")
    inside.git("pack-refs", "--all")
    inside.git("checkout", "-q", "--detach")
    inside.commit({"z": "3\n"}, "another")
    inside.git("repack", "-adq")
    change = await desk.escrow(workspace)
    assert desk.mirror.git("log", "--format=%s", f"{change.base}..{change.head}").splitlines()[-1] == "my commit"
    assert {"x", "y", "z"} <= set(desk.files(change.head))
    desk.mirror.git("fsck", "--connectivity-only")


async def test_work_that_cancels_itself_out_is_no_change_but_its_commits_are_kept(desk, repo_at):
    workspace = await desk.prepare()
    inside = repo_at(workspace.path)
    inside.commit({"x": "1\n"}, "there")
    (workspace.path / "x").unlink()
    back = inside.commit({}, "and back")
    assert await workspace.escrow(REF, "m", "A <a@b>") == workspace.base
    assert desk.mirror.git("rev-parse", REF) == back


DAMAGE = {
    "no git": shutil.rmtree,
    "git is a file": lambda git: (shutil.rmtree(git), git.write_text("gitdir: /nowhere\n")),
    "git is a link": lambda git: (shutil.rmtree(git), git.symlink_to("/etc")),
    "no objects": lambda git: shutil.rmtree(git / "objects"),
    "HEAD is garbage": lambda git: (git / "HEAD").write_text("\0\1garbage"),
    "HEAD is a link": lambda git: ((git / "HEAD").unlink(), (git / "HEAD").symlink_to("/etc/passwd")),
    "HEAD leads out": lambda git: (git / "HEAD").write_text("ref: ../../../../../../etc/passwd\n"),
    "HEAD names what is not there": lambda git: (git / "HEAD").write_text("a" * 40 + "\n"),
    "HEAD goes in circles": lambda git: (git / "HEAD").write_text("ref: HEAD\n"),
    "index is garbage": lambda git: (git / "index").write_bytes(b"garbage"),
    "index is locked": lambda git: (git / "index.lock").touch(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=list(DAMAGE))
async def test_escrow_does_not_depend_on_the_git_folder_that_the_agent_leaves(desk, damage):
    workspace = await desk.prepare()
    (workspace.path / "x").write_text("1\n")
    (workspace.path / "a.py").unlink()
    damage(workspace.path / ".git")
    change = await desk.escrow(workspace)
    assert set(desk.files(change.head)) == {"docs/b.md", "x"}
    assert desk.mirror.git("rev-parse", f"{change.head}^") == workspace.base
    await workspace.remove()
    assert not workspace.path.exists()


async def test_an_index_that_hides_files_hides_nothing(desk, repo_at):
    workspace = await desk.prepare()
    inside = repo_at(workspace.path)
    inside.git("update-index", "--assume-unchanged", "a.py")
    inside.git("update-index", "--skip-worktree", "docs/b.md")
    (workspace.path / "a.py").write_text("2\n")
    (workspace.path / "docs/b.md").write_text("2\n")
    assert (await desk.escrow(workspace)).files == 2


async def test_nothing_that_the_workspaces_configuration_names_is_started(desk, repo_at, tmp_path):
    workspace = await desk.prepare()
    inside, ran = repo_at(workspace.path), tmp_path / "ran"
    inner = workspace.path / "nested"
    inner.mkdir()
    for repo in (inside, repo_at(inner)):
        repo.git("init", "-q")
        repo.commit({"f": "1\n"})
        script = f"touch {ran}; true"
        for key in ("core.fsmonitor", "core.sshCommand", "diff.external", "core.pager", "uploadpack.packObjectsHook",
                    "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.gitProxy",
                    "remote.x.uploadpack", "credential.helper", "core.alternateRefsCommand"):  # fmt: skip
            repo.git("config", key, script)
        repo.git("config", "core.worktree", "/")
        repo.git("config", "core.hooksPath", str(tmp_path / "hooks"))
        repo.git("config", "extensions.partialClone", "x", check=False)
        repo.git("config", "remote.x.url", f"ext::{script}", check=False)
    (tmp_path / "hooks").mkdir()
    for hook in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout"):
        (tmp_path / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (tmp_path / "hooks" / hook).chmod(0o755)
    ran.unlink(missing_ok=True)
    (workspace.path / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (workspace.path / "a.py").write_text("2\n")
    change = await desk.escrow(workspace)
    assert desk.files(change.head)["nested/f"] == "100644"
    await desk.scm.diff(desk.project, change.base, change.head)
    await desk.scm.inspect(str(desk.project.url))
    assert not ran.exists()


async def test_objects_are_not_taken_from_where_the_agent_may_not_look(desk, new_repo, repo_at):
    """A commit that is only reachable through alternates or links to another repository is not adopted."""
    secret = new_repo("secret", {"s": "secret\n"})
    workspace = await desk.prepare()
    git = workspace.path / ".git"
    stolen = secret.git("commit-tree", "HEAD^{tree}", "-m", "x")
    with (git / "objects/info/alternates").open("a") as alternates:
        alternates.write(f"{secret.path}/.git/objects\n")
    files = secret.git("rev-parse", "HEAD^{tree}")
    head = repo_at(workspace.path).git("commit-tree", files, "-p", workspace.base, "-m", "stolen")
    (git / "HEAD").write_text(head + "\n")
    assert await workspace.escrow(REF, "m", "A <a@b>") == workspace.base
    assert "missing" in desk.mirror.git("cat-file", "--batch-check", stdin=f"{files}\n{stolen}\n".encode())


async def test_read_only_and_odd_files_stop_neither_escrow_nor_removal(desk):
    workspace = await desk.prepare()
    root = workspace.path
    (root / "deep/er").mkdir(parents=True)
    (root / "deep/er/file").write_text("x")
    (root / "unreadable").write_text("y")
    os.mkfifo(root / "pipe")
    (root / "a.py").unlink()
    os.mkfifo(root / "a.py")
    (root / "git~1").write_text("not a name for git")
    (root / "unreadable").chmod(0)
    (root / "deep/er/file").chmod(0o400)
    (root / "deep/er").chmod(0o500)
    (root / "deep").chmod(0o500)
    change = await desk.escrow(workspace)
    assert set(desk.files(change.head)) == {"docs/b.md", "deep/er/file", "unreadable"}
    assert "cannot store the name: git~1" in desk.mirror.git("log", "-1", "--format=%B", change.head)
    await workspace.remove()
    assert not root.exists()
    await workspace.remove()


async def test_what_an_agents_back_end_excludes_is_no_part_of_the_change(desk):
    workspace = await desk.prepare()
    (workspace.path / ".git/info/exclude").write_text(".tool*\n")
    (workspace.path / ".tool.history").write_text("x")
    assert (await desk.escrow(workspace)).files == 0


async def test_what_the_agent_committed_is_kept_although_it_is_ignored(desk, origin, repo_at):
    origin.commit({".gitignore": "*.log\n"})
    workspace = await desk.prepare()
    inside = repo_at(workspace.path)
    inside.write({"forced.log": "1", "later.tmp": "2", "gone.log": "3", "folder/linked.log": "4"})
    inside.git("add", "-f", ".")
    inside.git("commit", "-q", "-m", "mine")
    inside.write({".gitignore": "*.log\n*.tmp\n", "never.log": "5"})
    (workspace.path / "gone.log").unlink()
    shutil.rmtree(workspace.path / "folder")
    (workspace.path / "folder").symlink_to("/etc")
    change = await desk.escrow(workspace)
    assert set(desk.files(change.head)) == {".gitignore", "a.py", "docs/b.md", "forced.log", "later.tmp", "folder"}


@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16", "NONSENSE"])
async def test_files_that_break_the_promise_of_their_encoding_are_kept_as_they_are(desk, origin, repo_at, encoding):
    origin.commit({"old.txt": "old", ".gitattributes": "* text=auto\n"})
    workspace = await desk.prepare()
    attributes = f"* text=auto\n*.txt working-tree-encoding={encoding}\n"
    repo_at(workspace.path).write(
        {".gitattributes": attributes, "old.txt": b"odd", "a b\n.txt": b"\xff\xfeabc", "lines": "1\r\n", "n.py": "1"}
    )
    (workspace.path / "link.txt").symlink_to("/etc/passwd")
    change = await desk.escrow(workspace)
    names = ("old.txt", "lines", "link.txt")
    kept = [desk.mirror.git("cat-file", "-p", f"{change.head}:{name}") for name in names]
    assert kept == ["odd", "1", "/etc/passwd"]
    assert {"n.py", "a b\n.txt"} <= set(desk.files(change.head))
    assert "encoding that .gitattributes names: old.txt" in desk.mirror.git("log", "-1", "--format=%B", change.head)


async def test_what_was_kept_before_stays_an_ancestor_and_the_same_files_give_the_same_commit(desk):
    workspace = await desk.prepare()
    (workspace.path / "a.py").write_text("2\n")
    first = await desk.escrow(workspace)
    found = await desk.scm.reopen(desk.project, workspace.path, workspace.base)
    assert (await desk.escrow(found, "found by a later life")).head == first.head
    (workspace.path / "left-by-a-check").write_text("x")
    second = await desk.escrow(found, "found by a later life")
    assert second.head != first.head
    assert desk.mirror.git("merge-base", first.head, second.head) == first.head


async def test_what_was_escrowed_last_can_be_restored_whatever_was_done_since(desk, origin, tmp_path):
    origin.commit({".gitignore": "*.log\n", "kept.txt": "kept\n", "folder/in.txt": "in\n", "run.sh": "#!/bin/sh\n"})
    workspace = await desk.prepare()
    root, outside = workspace.path, tmp_path / "outside"
    (root / "new näme.txt").write_text("the agent's\n")
    head = await workspace.escrow(REF, "work", "A <a@b>")
    outside.mkdir()
    (outside / "in.txt").write_text("mine\n")
    (root / "kept.txt").write_text("spoilt\n")
    (root / "new näme.txt").unlink()
    (root / "run.sh").chmod(0o755)
    (root / "junk").mkdir()
    (root / "junk/more.txt").write_text("junk\n")
    (root / "cache.log").write_text("ignored\n")
    (root / "link").symlink_to(outside)
    shutil.rmtree(root / "folder")
    (root / "folder").symlink_to(outside)
    await workspace.restore()
    assert await workspace.escrow(REF, "again", "A <a@b>") == head
    assert (root / "kept.txt").read_text() == "kept\n"
    assert (root / "new näme.txt").read_text() == "the agent's\n"
    assert (root / "folder/in.txt").read_text() == "in\n"
    assert (root / "cache.log").read_text() == "ignored\n"
    assert (outside / "in.txt").read_text() == "mine\n"
    assert not (root / "link").is_symlink()
    assert not (root / "junk/more.txt").exists()
