"""The agent's environment: made once, cheap to ask for again, small."""

import re
import time

import pytest

from codeforge import Limits, Reason, RunFailure, Settings
from codeforge_agents_swe import MiniSwe, register_agents


async def test_an_agent_that_is_not_installed_says_how_to_install_it(tmp_path, desk):
    swe = MiniSwe(home=tmp_path / "agents")
    health = await swe.check()
    assert (health.ok, health.fix) == (False, "codeforge agents install swe")
    with pytest.raises(RunFailure, match="codeforge agents install swe") as caught:
        await desk.run(swe, desk.job(limits=Limits()))
    assert caught.value.reason == Reason.PLUGIN_MISSING


async def test_it_is_small_and_installing_again_is_done_at_once(home):
    before = time.perf_counter()
    await MiniSwe(home=home).install(print)
    assert time.perf_counter() - before < 0.05
    health = await MiniSwe(home=home).check()
    assert (health.ok, health.version) == (True, "2.4.6")
    [environment] = [path.parent for path in home.glob("*/ready")]
    assert sum(path.lstat().st_size for path in environment.rglob("*")) < 80_000_000


def test_every_package_of_the_lock_is_pinned_by_hash_and_none_by_address():
    lock = MiniSwe.recipe.lock.read_text(encoding="utf-8")
    assert f"mini-swe-agent=={MiniSwe.recipe.version} \\\n" in lock
    assert "://" not in lock
    assert len(re.findall(r"^[\w.-]+==\S+ \\\n    --hash=sha256:", lock, re.MULTILINE)) == len(
        re.findall(r"^[^\s]", lock, re.MULTILINE)
    )


def test_the_plugin_hands_over_swe(tmp_path):
    (swe,) = register_agents(Settings(data_dir=tmp_path))
    assert swe.name == "swe"
