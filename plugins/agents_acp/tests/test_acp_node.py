"""An agent of npm's is fetched once, whoever asks, and nothing that was killed stays; npm is a script here."""

import asyncio
import json
import os
import sys

import pytest

from codeforge_agents_acp.node import NodePackage

NPM = f"""#!{sys.executable}
import os, pathlib
bin = pathlib.Path("node_modules/.bin")
bin.mkdir(parents=True)
(bin / "thing").write_text("#!/bin/sh\\nexit 0\\n")
(bin / "thing").chmod(0o755)
with open(os.environ["HOME"] + "/fetched", "a") as log:
    log.write("once ")
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name in ("bin", "lock"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "npm").write_text(NPM)
    (tmp_path / "bin" / "npm").chmod(0o755)
    (tmp_path / "lock" / "package.json").write_text(json.dumps({"dependencies": {"thing": "1.2.3"}}))
    for name in ("package-lock.json", ".npmrc"):
        (tmp_path / "lock" / name).touch()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return NodePackage(name="thing", title="Thing", folder=tmp_path / "lock", program=".bin/thing", fetched="1 MB")


async def test_two_at_once_fetch_it_once_and_what_was_killed_before_goes(package, tmp_path):
    home, lines = tmp_path / "agents", []
    place = package.place(home)
    left = [place.with_name(f"{place.name}.killed.new"), place.with_name("0123.new"), place]
    for folder in left:
        (folder / "node_modules").mkdir(parents=True)
    await asyncio.gather(*(package.make(home, lines.append) for _ in range(2)))
    assert package.ready(home)
    assert (tmp_path / "fetched").read_text() == "once "
    assert "Thing is being installed already: waiting for it" in lines
    assert sorted(path.name for path in place.parent.iterdir()) == sorted([place.name, "lock"])
