"""OpenHands and its environment: made once, cheap to ask for again, with a clear sentence when it cannot be made."""

import pytest

from codeforge import Settings
from codeforge.testing import InstallContract, made_whole
from codeforge_agents_openhands import OpenHands, register_agents


class TestInstall(InstallContract):
    kind, package, version = OpenHands, "openhands-sdk", "1.58.0"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("home")
async def test_cut_off_taken_up_and_repaired_it_is_whole(tmp_path):
    await made_whole(OpenHands, tmp_path)


def test_the_plugin_hands_over_openhands(tmp_path):
    (agent,) = register_agents(Settings(data_dir=tmp_path))
    assert agent.name == "openhands"
