"""The agent and its environment: made once, cheap to ask for again, with a clear sentence when it cannot be made."""

import pytest

from codeforge import Settings
from codeforge.testing import InstallContract, made_whole
from codeforge_agents_swe import MiniSwe, register_agents


class TestInstall(InstallContract):
    kind, package, version = MiniSwe, "mini-swe-agent", "2.4.6"

    def test_it_is_small(self, home):
        [environment] = [path.parent for path in home.glob("*/ready")]
        assert sum(path.lstat().st_size for path in environment.rglob("*")) < 80_000_000


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("home")
async def test_cut_off_taken_up_and_repaired_it_is_whole(tmp_path):
    await made_whole(MiniSwe, tmp_path)


def test_the_plugin_hands_over_swe(tmp_path):
    (agent,) = register_agents(Settings(data_dir=tmp_path))
    assert agent.name == "swe"
