"""Other people's plugins: a broken one is listed with its reason, and the server is up."""

import json
import subprocess
import sys

from codeforge.testing import Server, announce

BROKEN = {
    "raises": ("raise RuntimeError('no licence')", "it cannot be imported: RuntimeError: no licence"),
    "misspelt": (
        "from codeforge import hookimpl\n@hookimpl\ndef register_agnets(): return []",
        "there is no hook register_agnets: did you mean register_agents?",
    ),
    "thief": (
        (
            "from codeforge import hookimpl\n@hookimpl\ndef register_agents():\n"
            "    from codeforge.testing import ShellAgent\n    return [ShellAgent()]"
        ),
        "its agent shell is taken by stand_ins",
    ),
}


async def test_broken_plugins_are_listed_with_their_reasons_and_the_rest_works(tmp_path):
    folder = tmp_path / "plugins"
    announce(folder, "stand_ins", "codeforge.testing.stand_ins:stand_ins")
    for name, (source, _) in BROKEN.items():
        (folder / f"{name}.py").write_text(source)
        announce(folder, name, name)
    async with Server(tmp_path / "data") as api:
        listed = {plugin["name"]: plugin for plugin in (await api.get("/plugins"))["items"]}
        assert {name: listed[name]["broken"] for name in BROKEN} == {
            name: reason for name, (_, reason) in BROKEN.items()
        }
        assert listed["stand_ins"]["broken"] == ""
        assert (await api.get("/health"))["ok"]


def modules_after(code: str) -> set[str]:
    """The modules that are loaded once ``code`` has run in a fresh interpreter."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_help_imports_next_to_nothing():
    code = """
import contextlib, io
from codeforge.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
"""
    heavy = {
        "aiohttp",
        "peewee",
        "pydantic",
        "litellm",
        "langgraph",
        "rich",
        "dramatiq",
        "git",
        "jinja2",
        "cryptography",
    }
    assert modules_after(code) & heavy == set()


def test_a_server_that_answers_has_imported_neither_litellm_nor_langgraph(tmp_path):
    code = f"""
import asyncio, aiohttp
from pathlib import Path
from codeforge import Settings
from codeforge.boot import house
async def main():
    async with house(Settings(data_dir=Path({str(tmp_path)!r}), port=0)) as forge, aiohttp.ClientSession() as http:
        async with http.get(forge.url + "/api/v1/health") as answer:
            assert answer.status == 200
        async with http.get(forge.url + "/llm/v1/models") as answer:
            assert answer.status == 401
asyncio.run(main())
"""
    assert modules_after(code) & {"litellm", "langgraph", "openai", "pika"} == set()
