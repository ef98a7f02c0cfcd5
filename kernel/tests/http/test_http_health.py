"""Health: alive is not ready, and what is down has a name, a sentence and no secret."""

import pytest

from codeforge import Health, Settings, Unavailable


class Broker:
    """Stands for the queue; ``fate`` is what its health says or raises."""

    fate: object = Health(name="broker", ok=True, detail="RabbitMQ at here:1")

    async def health(self):
        if isinstance(self.fate, Exception):
            raise self.fate
        return self.fate


@pytest.fixture
def ask(stranger, forge, monkeypatch):
    monkeypatch.setattr("codeforge.forge.parts.FRESH", -1.0)

    async def ask(path=""):
        answer = await stranger("GET", f"/health{path}")
        down = {p["name"]: p["detail"] for p in answer.json.get("parts", ()) if not p["ok"]}
        return answer.status, answer.json["ok"], down

    return ask


async def test_all_is_well_and_anybody_is_told(ask, stranger):
    assert [await ask(path) for path in ("", "/live", "/ready")] == [(200, True, {})] * 3
    parts = [part["name"] for part in (await stranger("GET", "/health/ready")).json["parts"]]
    assert parts == ["database", "migrations", "broker", "disk"]


@pytest.mark.parametrize(
    "fate",
    [
        Health(name="broker", ok=False, detail="RabbitMQ at here:1 does not answer"),
        Unavailable("RabbitMQ at here:1 does not answer."),
    ],
)
async def test_a_broker_that_is_down_is_named_and_the_server_is_not_ready_but_alive(ask, forge, fate):
    forge.offers.queue = Broker()
    assert (await ask("/ready"))[0] == 200
    forge.offers.queue.fate = fate
    told = {"broker": "RabbitMQ at here:1 does not answer: runs wait; nothing is lost."}
    assert await ask("/ready") == (503, False, told)
    assert await ask("") == (200, False, told)
    assert await ask("/live") == (200, True, {})
    forge.offers.queue.fate = Broker.fate
    assert await ask("/ready") == (200, True, {})


async def test_a_fault_that_nobody_foresaw_tells_nothing_of_itself(ask, forge):
    forge.offers.queue = Broker()
    forge.offers.queue.fate = OSError("amqp://user:password@host")
    status, _, down = await ask("/ready")
    assert (status, down) == (503, {"broker": "The broker does not answer: runs wait; nothing is lost."})


async def test_a_disk_with_too_little_space_is_told_without_its_path(ask, forge, tmp_path):
    forge.settings = Settings(data_dir=tmp_path, port=forge.settings.port, min_free_mb=2**40)
    status, _, down = await ask("/ready")
    assert (status, list(down)) == (503, ["disk"])
    assert str(tmp_path) not in down["disk"]
    assert "no run is taken" in down["disk"]


async def test_a_database_that_takes_nothing_leaves_the_process_alive(ask, forge):
    await forge.store.run(None, lambda d: d.database.execute_sql("ALTER TABLE tenant RENAME TO away"))
    status, _, down = await ask("/ready")
    assert (status, list(down)) == (503, ["database"])
    assert (await ask("/live"))[0] == 200
    await forge.store.run(None, lambda d: d.database.execute_sql("ALTER TABLE away RENAME TO tenant"))
    assert (await ask("/ready"))[0] == 200


async def test_a_database_that_lacks_a_migration_is_told(ask, forge):
    await forge.store.run(
        None, lambda d: d.database.execute_sql("DELETE FROM schema_migration WHERE name LIKE '0002%'")
    )
    status, _, down = await ask("/ready")
    assert (status, list(down)) == (503, ["migrations"])
    assert "0002" in down["migrations"]
