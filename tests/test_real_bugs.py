"""A real library, a bug that it really had, and its own test: each agent mends it, and a wrong fix is found out."""

import subprocess
import tarfile

import pytest
import uv

from codeforge import Settings
from codeforge.testing import ScriptedModels, agents_dir, git, running, search_replace

BROKEN, MENDED = "9.1.0", "10.0.0"
FILE = "more_itertools/more.py"
BEFORE = "        yield start\n        start = func(start)\n"
"""How ``iterate`` was until 9.1.0: a function that raises StopIteration ended it with a RuntimeError."""
FIX = """\
        yield start
        try:
            start = func(start)
        except StopIteration:
            break
"""
WRONG = FIX.replace("StopIteration", "ValueError")
CHECK = "python3 -m unittest -q tests.test_more.IterateTests"
PROMPT = f"iterate() in {FILE} shall end where func raises StopIteration, as tests.test_more.IterateTests has it."

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("real_bugs")]


@pytest.fixture(scope="session")
def archives():
    """Where the source archives of both versions are unpacked; fetched once."""
    folder = agents_dir().parent / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    for version in (BROKEN, MENDED):
        if not (folder / f"more-itertools-{version}").is_dir():
            pip = [uv.find_uv_bin(), "tool", "run", "--quiet", "pip", "download", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--no-binary", ":all:", f"more-itertools=={version}"], cwd=folder, check=True)
            with tarfile.open(folder / f"more-itertools-{version}.tar.gz") as archive:
                archive.extractall(folder)
    return folder


@pytest.fixture
def repository(archives, tmp_path):
    """The library as it was, with the test that the next version brought."""
    folder = tmp_path / "more-itertools"
    folder.mkdir()
    git(folder, "init", "-q")
    for version, names in ((BROKEN, ["."]), (MENDED, ["tests"])):
        with tarfile.open(archives / f"more-itertools-{version}.tar.gz") as archive:
            for member in archive.getmembers():
                member.name = member.name.partition("/")[2] or "."
                if any(name in (".", member.name.partition("/")[0]) for name in names):
                    archive.extract(member, folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", f"more-itertools {BROKEN}, and a test of {MENDED}")
    return folder


def answers(dialect, fix):
    """The edit as this agent makes it: by a command where it runs some, else as Aider writes edits."""
    script = f"import pathlib; p = pathlib.Path({FILE!r}); p.write_text(p.read_text().replace({BEFORE!r}, {fix!r}))"
    steps = dialect.shell(f"python3 - <<'END'\n{script}\nEND")
    return steps or [search_replace(FILE, BEFORE, fix)]


@pytest.mark.parametrize("name", ["aider", "swe", "openhands"])
@pytest.mark.parametrize(("fix", "state"), [(FIX, "review"), (WRONG, "failed")], ids=["mended", "not mended"])
async def test_an_agent_mends_a_real_bug_and_a_wrong_fix_is_found_out(repository, tmp_path, name, fix, state):
    settings = Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0, sandbox="bubblewrap")
    async with ScriptedModels() as models, running(settings) as (forge, api):
        agent = forge.agent(name)
        await agent.install(print)
        models.script("m", answers(agent.dialect(), fix))
        provider = {"kind": "openai-compatible", "base_url": models.url, "key": "sk-x"}
        await api.call("PUT", "/providers/scripted?test=false", provider)
        given = {"url": str(repository), "agent": name, "model": "scripted/m", "check": CHECK}
        project = await api.post("/projects", given)
        run = await api.until(await api.start(project, PROMPT), seconds=120)
        assert run["state"] == state, run["detail"]
        assert [file["path"] for file in (await api.get(f"/runs/{run['id']}/diff"))["files"]] == [FILE]
        if state == "failed":
            assert (run["reason"], run["check"]["exit"]) == ("check_failed", 1)
        else:
            assert run["check"]["exit"] == 0
            await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"})
            subprocess.run(CHECK.split(), cwd=repository, check=True, capture_output=True)
