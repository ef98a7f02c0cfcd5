"""Whatever is given to CodeForge: one plain sentence, and nothing left behind."""

import asyncio
import os

import pytest

from codeforge import Settings
from codeforge.boot import house
from codeforge.errors import Unavailable
from codeforge.testing import StandIns, git, new_repository, running


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "Give the repository's address or path"),
        ("/no/such/folder", "/no/such/folder"),
        ("/tmp", "repository"),
        ("ext::sh -c id", "ext"),
        ("--upload-pack=touch /tmp/pwned", "dash"),
        ("https://user:secret@example.org/x.git", "address"),
        ("file:///no/such/folder", "/no/such/folder"),
    ],
)
async def test_an_address_that_is_no_repository_is_refused_and_no_project_stays(api, url, words):
    problem = await api.post("/projects", {"url": url}, status=422)
    assert words in problem["detail"]
    assert "secret" not in problem["detail"]
    assert (await api.get("/projects"))["items"] == []


async def test_a_repository_without_a_commit_is_refused(api, tmp_path):
    git(tmp_path, "init", "-q", "empty")
    problem = await api.post("/projects", {"url": str(tmp_path / "empty")}, status=422)
    assert "commit" in problem["detail"]


async def test_a_prompt_of_a_megabyte_is_refused_with_what_to_do_instead(api, project):
    problem = await api.post(f"/projects/{project['id']}/tasks", {"prompt": "x" * 1_000_000}, status=422)
    assert "put long material into a file of the repository" in problem["detail"]


async def test_unknown_names_are_answered_with_those_there_are(api, project):
    task = {"prompt": "do it"}
    problem = await api.post(f"/projects/{project['id']}/tasks", {**task, "agent": "nobody"}, status=404)
    assert "There is no agent nobody; there is" in problem["detail"]
    problem = await api.post(f"/projects/{project['id']}/tasks", {**task, "model": "gpt-0"}, status=404)
    assert "There is no model gpt-0" in problem["detail"]
    await api.post("/projects/nothing/tasks", task, status=404)
    await api.get("/runs/nothing", status=404)


async def test_without_space_on_the_disk_a_run_waits_and_it_is_told_why(tmp_path, repository, caplog):
    settings = Settings(data_dir=tmp_path / "data", port=0, min_free_mb=10**9)
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        run = await api.start(project, "echo b > b.txt")
        async with asyncio.timeout(10):
            while "disk full: no run is taken" not in caplog.text:
                await asyncio.sleep(0.02)
        assert (await api.get(f"/runs/{run['id']}"))["state"] == "queued"
        told = await api.get("/health/ready", status=503)
        assert [part["name"] for part in told["parts"] if not part["ok"]] == ["disk"]
        stopped = await api.post(f"/runs/{run['id']}/stop")
        assert stopped["state"] == "stopped"


async def test_a_strange_repository_survives_the_whole_path(api, tmp_path):
    folder = new_repository(tmp_path / "strange")
    names = ["a b.txt", "new\nline.txt", "ünïcödé-✓.txt", "-dash.txt", "quote'\".txt", "sub/dir with space/x.txt"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\n")
    (folder / "outside").symlink_to("/etc/passwd")
    (folder / "big.bin").write_bytes(os.urandom(3 * 2**20))
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
    (folder / "model.lfs").write_text(pointer)
    (folder / ".gitattributes").write_text("*.lfs filter=lfs diff=lfs merge=lfs -text\n")
    for number in range(10_000):
        (folder / f"many{number // 100}").mkdir(exist_ok=True)
        (folder / f"many{number // 100}" / f"{number}.txt").write_text(f"{number}\n")
    inner = new_repository(tmp_path / "inner")
    git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "module")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "everything strange")

    project = await api.post("/projects", {"url": str(folder), "agent": "shell", "model": "none"})
    script = (
        "echo more >> 'a b.txt'; echo more >> \"$(printf 'new\\nline.txt')\"; rm -- -dash.txt; cat outside >/dev/null"
    )
    run = await api.until(await api.start(project, script), seconds=60)
    assert (run["state"], run["detail"]) == ("review", "")
    diff = await api.get(f"/runs/{run['id']}/diff")
    assert {f["path"]: f["status"] for f in diff["files"]} == {
        "a b.txt": "modified",
        "new\nline.txt": "modified",
        "-dash.txt": "deleted",
    }
    for name in ("a b.txt", "new\nline.txt", "-dash.txt"):
        one = await api.get(f"/runs/{run['id']}/diff", params={"path": name})
        assert one["diff"]
    await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"})
    assert (folder / "a b.txt").read_text() == "a b.txt\nmore\n"
    assert (folder / "model.lfs").read_text() == pointer
    assert (folder / "outside").readlink().as_posix() == "/etc/passwd"


async def test_a_second_server_on_the_same_data_folder_is_refused(settings):
    async with house(settings, extra={"stand_ins": StandIns()}):
        with pytest.raises(Unavailable, match="Another CodeForge is running"):
            async with house(settings):
                pass


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        async with house(Settings(data_dir=tmp_path / "file" / "data", port=0)):
            pass


async def test_a_taken_port_is_named_and_leaves_nothing_running(settings, tmp_path):
    async with running(settings) as (forge, _):
        port = int(forge.url.rsplit(":", 1)[1])
        with pytest.raises(Unavailable, match=f"Port {port}"):
            async with house(Settings(data_dir=tmp_path / "other", port=port)):
                pass
    async with house(Settings(data_dir=tmp_path / "other", port=0)):
        pass


async def test_others_cannot_reach_the_server_unless_somebody_said_so(tmp_path):
    with pytest.raises(Exception, match=r"0\.0\.0\.0"):
        async with house(Settings(data_dir=tmp_path / "data", host="0.0.0.0", port=0)):
            pass


async def test_an_unknown_broker_is_answered_with_those_there_are(tmp_path):
    with pytest.raises(Exception, match=r"No installed queue speaks kafka://.*there is .*memory://"):
        async with house(Settings(data_dir=tmp_path / "data", broker_url="kafka://host", port=0)):
            pass
