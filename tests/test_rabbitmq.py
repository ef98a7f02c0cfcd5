"""A run whose doorbell is rung through a real RabbitMQ."""

import pytest

from codeforge import Settings
from codeforge.testing import StandIns, new_repository, running


@pytest.mark.rabbitmq
@pytest.mark.xdist_group("services")
@pytest.mark.slow
async def test_a_run_goes_through_rabbitmq_and_survives_its_restart(tmp_path, rabbit):
    repository = new_repository(tmp_path / "repository")
    settings = Settings(data_dir=tmp_path / "data", port=0, broker_url=rabbit.url, ring_again=1)
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        run = await api.until(await api.start(project, "echo b > b.txt"))
        assert run["state"] == "review"
        rabbit.kill()
        waiting = await api.start(project, "echo c > c.txt")  # accepted although the broker is away
        assert waiting["state"] == "queued"
        rabbit.start()
        run = await api.until(waiting, seconds=60)
        assert run["state"] == "review"
