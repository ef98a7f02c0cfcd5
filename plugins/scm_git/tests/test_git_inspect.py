"""Which repositories are accepted, and what is said about the others."""

import os
import socket
from pathlib import Path

import pytest

from codeforge import Forbidden, Invalid, Unavailable
from codeforge_scm_git.address import parse

REFUSED = {
    "ext::sh -c touch% /tmp/x": "run a command",
    "fd::17": "run a command",
    "transport::x": "run a command",
    "git://example.org/x.git": "not supported",
    "ftp://example.org/x.git": "not supported",
    "http://example.org/x.git": "this machine only",
    "--upload-pack=touch /tmp/x": "begins with a dash",
    "-x": "begins with a dash",
    "https://example.org/a\nb": "control characters",
    "/tmp/a\x1b[31m": "control characters",
    "https://user:hunter2@example.org/x.git": "user name or password",
    "https://hunter2@example.org/x.git": "user name or password",
    "ssh://git:hunter2@example.org/x.git": "user name or password",
    "ssh://-oProxyCommand=x/y": "no valid host",
    "ssh://-l@example.org/y": "begins with a dash",
    "ssh://example.org/-oProxyCommand=x": "begins with a dash",
    "https://": "no valid host",
    "https://example.org:port/x": "not a valid URL",
    "file://example.org/x": "another machine",
    "": "Give the address",
    "  ": "Give the address",
    "~nobody-has-this-name/x": "not a usable path",
}


@pytest.mark.parametrize("url", REFUSED)
async def test_an_unsafe_address_is_refused_in_one_sentence_without_its_password(desk, url):
    with pytest.raises(Invalid, match=REFUSED[url]) as refusal:
        await desk.scm.inspect(url)
    assert refusal.value.field == "url"
    assert "hunter2" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert desk.scm.handles(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x.git",
        "ssh://git@example.org:2222/x",
        "git@example.org:a/b.git",
        "host:x",
        "http://127.0.0.1:80/x",
    ],
)
def test_usual_addresses_are_taken_as_they_are(desk, url):
    assert parse(url).url == url
    assert desk.scm.handles(url)


def test_addresses_of_other_kinds_are_left_to_others(desk, tmp_path):
    (tmp_path / "svn/.svn").mkdir(parents=True)
    assert not desk.scm.handles("svn://example.org/x")
    assert not desk.scm.handles("svn+ssh://example.org/x")
    assert not desk.scm.handles(str(tmp_path / "svn"))


async def test_a_local_folder_is_found_by_every_way_to_write_it(desk, origin, home, monkeypatch):
    (home / "link").symlink_to(origin.path)
    monkeypatch.chdir(origin.path / "docs")
    for url in (
        str(origin.path),
        "..",
        "~/link",
        f"file://{origin.path}",
        f"file://localhost{origin.path}/",
        f" {origin.path}/ ",
    ):
        info = await desk.scm.inspect(url)
        assert info.url == str(origin.path)
        assert (info.branch, info.branches, info.dirty) == ("main", ("main",), ())
        assert info.head == origin.git("rev-parse", "HEAD")


async def test_a_name_that_looks_like_an_ssh_address_is_a_folder_where_there_is_one(
    desk, new_repo, tmp_path, monkeypatch
):
    new_repo("host:name")
    monkeypatch.chdir(tmp_path)
    assert (await desk.scm.inspect("host:name")).url == str(tmp_path / "host:name")


async def test_a_bare_repository_and_a_detached_one_are_fine(desk, origin, new_repo, tmp_path):
    origin.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    assert (await desk.scm.inspect(str(tmp_path / "bare.git"))).branch == "main"
    origin.git("branch", "zebra")
    origin.git("checkout", "-q", "--detach")
    info = await desk.scm.inspect(str(origin.path))
    assert (info.branch, info.branches) == ("main", ("main", "zebra"))


async def test_what_is_no_repository_is_said_plainly(desk, origin, new_repo, tmp_path):
    (tmp_path / "plain").mkdir()
    empty = tmp_path / "empty"
    empty.mkdir()
    os.system(f"git init -q {empty}")
    for url, sentence in {
        tmp_path / "plain": "is not a Git repository: run `git init`",
        tmp_path / "missing": "There is no folder",
        origin.path / "a.py": "is a file",
        origin.path / "docs": f"inside the Git repository {origin.path}: give {origin.path}",
        origin.path / ".git": f"give {origin.path} instead",
        origin.path / ".git/refs": f"give {origin.path} instead",
        empty: "has no commit yet",
    }.items():
        with pytest.raises(Invalid, match=sentence) as refusal:
            await desk.scm.inspect(str(url))
        assert refusal.value.field == "url"


async def test_uncommitted_paths_are_listed_and_nothing_is_touched(desk, origin, home):
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/ignore").write_text(".DS_Store\n")
    origin.commit({".gitignore": "*.log\n", "gone": "x", "staged": "x"})
    (origin.path / ".git/info/exclude").write_text("private\n")
    origin.write({"a.py": "2\n", "new file": "x", "x.log": "x", ".DS_Store": "x", "private": "x", "staged": "y"})
    (origin.path / "gone").unlink()
    origin.git("add", "staged")
    index = (origin.path / ".git/index").read_bytes()
    assert (await desk.scm.inspect(str(origin.path))).dirty == ("a.py", "gone", "new file", "staged")
    assert (origin.path / ".git/index").read_bytes() == index
    origin.write({f"many{n:03}": "x" for n in range(100)})
    assert len((await desk.scm.inspect(str(origin.path))).dirty) == 20


async def test_a_look_starts_nothing_that_the_repository_names(desk, origin, tmp_path):
    ran = tmp_path / "ran"
    origin.commit({".gitattributes": "* filter=evil\n"})
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "uploadpack.packObjectsHook"):
        origin.git("config", key, f"touch {ran}; cat")
    origin.write({"a.py": "2\n"})
    ran.unlink(missing_ok=True)
    assert (await desk.scm.inspect(str(origin.path))).dirty == ("a.py",)
    await desk.prepare()
    assert not ran.exists()


async def test_a_folder_of_another_user_is_forbidden_with_the_way_out(desk, origin, home):
    if os.getuid():
        pytest.skip("only root can give a folder to another user")
    os.chown(origin.path, 65534, 65534)
    os.chown(origin.path / ".git", 65534, 65534)
    with pytest.raises(Forbidden, match=r"belongs to another user.*safe\.directory"):
        await desk.scm.inspect(str(origin.path))
    with (home / ".gitconfig").open("a") as config:
        config.write(f"[safe]\n\tdirectory = {origin.path}\n\tdirectory = {origin.path}/.git\n")
    assert (await desk.scm.inspect(str(origin.path))).branch == "main"


async def test_a_host_that_does_not_answer_is_unavailable(desk):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        await desk.scm.inspect(f"http://127.0.0.1:{port}/x.git")
    with pytest.raises(Unavailable, match="cannot be reached"):
        await desk.scm.inspect("https://no-such-host.invalid/x.git")
    with pytest.raises(Unavailable, match="cannot be reached"):
        await desk.scm.inspect(f"ssh://git@127.0.0.1:{port}/x.git")


def test_a_path_that_leaves_the_mirrors_is_refused(desk):
    import asyncio
    import dataclasses

    for wrong in ("../x", "a/b", "", ".", "a b", "-x"):
        project = dataclasses.replace(desk.project, id=wrong)
        with pytest.raises(Invalid, match="cannot be the id"):
            asyncio.run(desk.scm.forget(project))
    assert Path(desk.root / "origin").exists()


async def test_a_clone_with_references_to_its_own_origin_is_fetched_once(desk_on, origin, repo_at, tmp_path):
    origin.git("clone", "-q", ".", str(tmp_path / "clone"))
    assert repo_at(tmp_path / "clone").git("rev-parse", "refs/remotes/origin/HEAD")
    desk = desk_on(str(tmp_path / "clone"))
    await desk.prepare()
    await desk.prepare()
    assert len([text for text in desk.told if text.startswith("Fetching")]) == 1
