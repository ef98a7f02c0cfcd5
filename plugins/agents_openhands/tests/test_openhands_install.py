"""OpenHands's environment: made once, cheap to ask for again, with a clear sentence when it cannot be made."""

import asyncio
import re
import time
from dataclasses import replace

import pytest

from codeforge import Limits, Reason, RunFailure, Settings, Unavailable
from codeforge_agents_openhands import OpenHands, register_agents


async def test_an_agent_that_is_not_installed_says_how_to_install_it(tmp_path, desk):
    agent = OpenHands(home=tmp_path / "agents")
    health = await agent.check()
    assert (health.ok, health.fix) == (False, "codeforge agents install openhands")
    with pytest.raises(RunFailure, match="codeforge agents install openhands") as caught:
        await desk.run(agent, desk.job(limits=Limits()))
    assert caught.value.reason == Reason.PLUGIN_MISSING


async def test_installing_again_is_done_at_once(home):
    before = time.perf_counter()
    await OpenHands(home=home).install(print)
    assert time.perf_counter() - before < 0.05
    health = await OpenHands(home=home).check()
    assert (health.ok, health.version) == (True, "1.58.0")


@pytest.mark.slow
async def test_without_a_network_the_installation_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    agent = OpenHands(home=tmp_path / "agents")
    with pytest.raises(Unavailable, match=r"^OpenHands could not be installed: .* Check the network .*\.$") as caught:
        await agent.install(print)
    assert "\n" not in str(caught.value)
    assert not (await agent.check()).ok


async def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match=re.escape(str(tmp_path / "file" / "openhands"))):
        await OpenHands(home=tmp_path / "file" / "openhands").install(print)


async def test_without_a_fitting_python_the_installation_says_which_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(OpenHands, "recipe", replace(OpenHands.recipe, pythons=((3, 1), (3, 2))))
    with pytest.raises(Unavailable, match=r"OpenHands needs Python 3\.1 to 3\.2 and none was found"):
        await OpenHands(home=tmp_path).install(print)


@pytest.mark.slow
async def test_a_cancelled_installation_is_not_taken_for_a_whole_one(tmp_path):
    agent, told = OpenHands(home=tmp_path), asyncio.Event()
    installing = asyncio.create_task(agent.install(lambda line: told.set() if "Fetching" in line else None))
    await told.wait()
    installing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await installing
    assert not (await agent.check()).ok


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_two_installations_at_once_make_one_environment(tmp_path):
    lines: list[str] = []
    await asyncio.gather(*(OpenHands(home=tmp_path).install(lines.append) for _ in range(2)))
    assert (await OpenHands(home=tmp_path).check()).ok
    assert len([line for line in lines if line.startswith("Making")]) == 1
    assert "Another process is installing OpenHands: waiting for it" in lines


def test_every_package_of_the_lock_is_pinned_by_hash_and_none_by_address():
    lock = OpenHands.recipe.lock.read_text(encoding="utf-8")
    assert f"openhands-sdk=={OpenHands.recipe.version} \\\n" in lock
    assert "://" not in lock
    assert len(re.findall(r"^[\w.-]+==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)) == len(
        re.findall(r"^[^\s]", lock, re.MULTILINE)
    )


def test_the_plugin_hands_over_openhands(tmp_path):
    (agent,) = register_agents(Settings(data_dir=tmp_path))
    assert agent.name == "openhands"
