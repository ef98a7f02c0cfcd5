"""The chaos suite's short forms: whatever the monkey does, every promise is kept. `./dev chaos` is the long form."""

import pytest
from chaos.stories import Story, tell
from chaos.world import Size

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres, pytest.mark.xdist_group("fleet")]


def told(outcome):
    """The verdict, with all that is needed to tell the story again."""
    assert outcome.well, f"seed {outcome.story.seed}, logs in {outcome.folder}: {outcome.wrong}"
    return outcome


@pytest.mark.timeout(240)
async def test_a_few_kills_and_freezes_break_no_promise(tmp_path):
    size = Size(servers=2, workers=2, slots=4, lease=4, hosts=False, disk=False, clock=False)
    story = Story(name="shortly", faults=6, seed=11, pause=1.0, at_once=6, lines=7, moment=0.5, size=size)
    outcome = told(await tell(story, tmp_path / "story"))
    assert outcome.executions > 6


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_a_hundred_faults_of_every_kind_break_no_promise(tmp_path):
    outcome = told(await tell(Story(name="everything", faults=100, seed=20, pause=2.2), tmp_path / "story"))
    assert sum(outcome.hurts.values()) >= 100
    assert outcome.refused
