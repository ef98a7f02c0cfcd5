"""PostgreSQL goes and comes back: readiness and the pages name it, the process lives, and no password is told."""

import asyncio
import logging
import time

import pytest

from codeforge import Settings
from codeforge.testing import PrivatePostgres, StandIns, new_repository, running

pytestmark = pytest.mark.postgres


async def until(look, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.05)
    return found


@pytest.mark.slow
async def test_a_database_that_is_down_is_told_everywhere_and_the_server_goes_on_by_itself(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    repository = new_repository(tmp_path / "repository")
    with PrivatePostgres() as postgres:
        url = postgres.new_database()
        settings = Settings(data_dir=tmp_path / "data", port=0, database_url=url)
        async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):

            async def told(path):
                async with api.http.get(api.url + path) as answer:
                    return answer.status, await answer.text()

            async def down():
                status, text = await told("/api/v1/health/ready")
                return status == 503 and text

            async def well():
                return (await told("/api/v1/health/ready"))[0] == 200

            await until(well)
            project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
            await asyncio.to_thread(postgres.kill)
            text = await until(down)
            assert '"name":"database","ok":false' in text
            assert (await told("/api/v1/health/live"))[0] == 200
            assert "The database does not answer" in (await told("/trouble"))[1]
            figures = (await told("/metrics"))[1]
            assert 'codeforge_part_up{part="database"} 0.0' in figures
            assert url not in text + caplog.text
            assert url.split(":")[2].split("@")[0] not in text + caplog.text + figures

            await asyncio.to_thread(postgres.start)
            await until(well)
            assert 'role="alert"' not in (await told("/trouble"))[1]
            run = await api.until(await api.start(project, "echo b > b.txt"), seconds=60)
            assert run["state"] == "review"
            assert 'codeforge_runs{state="queued"} 0.0' in (await told("/metrics"))[1]
    told_of = [r.getMessage() for r in caplog.records if r.getMessage().startswith("database ")]
    assert told_of == ["database down", "database up"]
