"""Writes a run's exchanges into a folder: a cassette that any CodeForge can replay."""

from __future__ import annotations

from pathlib import Path

from codeforge.cli.api import Api, part
from codeforge.errors import Conflict, Unavailable


def export(api: Api, run_id: str, folder: Path) -> int:
    """Write the cassette; gives how many exchanges it holds. Raises `Conflict` where there are none to write, or the
    folder is not empty, and `Unavailable` when it cannot be written.
    """
    from codeforge.forge.cassettes import Cassette

    calls = api.get(f"/runs/{part(run_id)}/calls")["items"]
    kept = [call["id"] for call in calls if call["exchange"]]
    if not kept:
        raise Conflict("No exchange of this run is kept: see the settings keep_exchanges and exchange_days.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Conflict(f"{folder} is not empty: name a new folder.")
        cassette = Cassette(folder)
        for call_id in kept:
            cassette.add(call_id, api.get(f"/calls/{part(call_id)}/exchange")["cassette"])
    except OSError as error:
        raise Unavailable(f"The cassette {folder} cannot be written: {error.strerror or error}.") from error
    return len(cassette)
