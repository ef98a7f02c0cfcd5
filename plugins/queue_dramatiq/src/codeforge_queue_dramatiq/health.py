"""How the broker is, for `codeforge doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from codeforge import Health, Invalid


def check(broker_url: str) -> Iterator[Health]:
    """The broker of ``broker_url``, where it is one of this plugin's."""
    scheme = broker_url.partition(":")[0].lower()
    if scheme == "memory":
        yield Health(
            name="broker", ok=True, detail="in memory, for one process", version=f"dramatiq {version('dramatiq')}"
        )
    elif scheme in {"amqp", "amqps"}:
        yield _rabbit(broker_url)


def _rabbit(url: str) -> Health:
    from codeforge_queue_dramatiq import rabbit
    from codeforge_queue_dramatiq.trouble import diagnose

    try:
        parameters = rabbit.parse(url)
    except Invalid as error:
        return Health(name="broker", ok=False, detail=str(error), fix="Set broker_url.")
    there = rabbit.where(parameters)
    try:
        rabbit.probe(parameters)
    except Exception as error:
        what, remedy = diagnose(error, there)
        return Health(name="broker", ok=False, detail=f"{what}.", fix=f"{remedy[0].upper()}{remedy[1:]}.")
    return Health(name="broker", ok=True, detail=f"RabbitMQ at {there}", version=f"dramatiq {version('dramatiq')}")
