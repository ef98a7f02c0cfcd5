"""What models cost, in versions: each call is settled by one, a person's before the provider's and the map's."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from codeforge.errors import Invalid, NotFound
from codeforge.forge import rows
from codeforge.ids import new_id
from codeforge.llm import Model, Price, Prices
from codeforge.model import Principal
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

ALL = "*"
"""Stands for all models of a provider."""
PERSON = "person"
MOST = 10**12
"""Micro-dollars per million tokens: a million dollars, which nobody asks."""
Row = dict[str, Any]
Key = tuple[str, str]
_OF_MODEL = """SELECT id, model, steps, source FROM price
    WHERE tenant_id = ? AND provider = ? AND model IN (?, '*') AND ended_at IS NULL ORDER BY id"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceVersion:
    """What a provider's model costs from ``valid_from`` on; ``made_by`` is the person who said so."""

    id: str
    provider: str
    model: str
    steps: Prices
    source: str
    made_by: str
    valid_from: datetime


def in_force(door: Door, provider: str, model: str, known: Prices) -> tuple[str | None, Prices]:
    """The version that a call is settled by now, inside the caller's transaction, which writes: its id and steps.

    ``known`` is what the provider and the map say; it is written down when that is new. Unknown: (None, ()).
    """
    found = [{**row, "steps": json.loads(row["steps"])} for row in door.sql(_OF_MODEL, door.tenant_id, provider, model)]
    if said := _said(found, model):
        return said["id"], steps_of(said)
    if not known:
        return None, ()
    last = next((row for row in reversed(found) if row["source"] != PERSON and row["model"] == model), None)
    if last and (last["steps"], last["source"]) == (_written(known), known[0].source):
        return last["id"], known
    return _write(door, provider, model, known), known


def said(door: Door, provider: str, model: str) -> bool:
    """Whether a person has said what a model costs."""
    return _said(door.all(t.Price, t.Price.provider == provider, t.Price.ended_at.is_null()), model) is not None


def read(steps: str | None, source: str) -> Prices:
    """The steps of a version as the column has them; none for None."""
    return steps_of({"steps": json.loads(steps), "source": source}) if steps else ()


def steps_of(row: Row) -> Prices:
    """The steps in a row of the table."""
    return tuple(Price(**step, source=row["source"]) for step in row["steps"])


def _said(found: list[Row], model: str) -> Row | None:
    """A person's price among current versions: of the model itself before that of all."""
    by_name = {row["model"]: row for row in found if row["source"] == PERSON}
    return by_name.get(model) or by_name.get(ALL)


def _written(prices: Prices) -> list[dict[str, Any]]:
    return [{name: value for name, value in asdict(price).items() if name != "source"} for price in prices]


def _write(door: Door, provider: str, model: str, prices: Prices, made_by: str = "") -> str:
    source = PERSON if made_by else prices[0].source
    facts = {"provider": provider, "model": model, "steps": _written(prices), "source": source, "made_by": made_by}
    price_id = new_id()
    door.insert(t.Price, id=price_id, created_at=door.now(), **facts)
    return price_id


class PriceList:
    """The tenant's prices."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def versions(self, who: Principal, *, history: bool = False) -> list[PriceVersion]:
        """What is in force, by provider and model; with ``history`` every version, oldest first."""
        found = await self._forge.store.read(who.tenant_id, lambda door: door.all(t.Price))
        if not history:
            current: dict[Key, Row] = {}
            for row in (row for row in found if row["ended_at"] is None):
                place = row["provider"], row["model"]
                if place not in current or row["source"] == PERSON or current[place]["source"] != PERSON:
                    current[place] = row
            found = [current[place] for place in sorted(current)]
        return [_version(row) for row in found]

    async def set(self, who: Principal, provider: str, model: str, price: Price) -> PriceVersion:
        """Say what a provider's model costs ("*": each of its models); it holds for calls from now on.

        Raises `Invalid`.
        """
        if not provider or not model:
            raise Invalid("Name the provider and the model, or * for all of its models.", field="model")
        for name in ("input", "output", "cached", "written", "reasoning"):
            if not 0 <= (getattr(price, name) or 0) <= MOST:
                raise Invalid(f"A price is from 0 to {MOST:,} micro-dollars per million tokens.", field=name)

        def work(door: Door) -> Row:
            _end(door, provider, model)
            price_id = _write(door, provider, model, (price,), who.user)
            row = door.one(t.Price, t.Price.id == price_id)
            assert row
            return row

        return _version(await self._forge.store.run(who.tenant_id, work))

    async def forget(self, who: Principal, provider: str, model: str) -> None:
        """Take back what a person said; what the provider or the map says counts again. Raises `NotFound`."""
        if not await self._forge.store.run(who.tenant_id, _end, provider, model):
            raise NotFound(f"Nobody has said what {provider}/{model} costs.")

    async def shown(self, who: Principal, models: list[Model]) -> list[Model]:
        """The ``models`` of providers with what people said that they cost."""
        theirs = t.Price.source == PERSON, t.Price.ended_at.is_null()
        said = await self._forge.store.read(who.tenant_id, lambda door: door.all(t.Price, *theirs))
        return [_priced(model, said) for model in models] if said else models


def _priced(model: Model, said: list[Row]) -> Model:
    provider, _, name = model.name.partition("/")
    if (row := _said([row for row in said if row["provider"] == provider], name)) is None:
        return model
    price = steps_of(row)[0]
    return replace(model, input_price=price.input, output_price=price.output)


def _end(door: Door, provider: str, model: str) -> int:
    mine = t.Price.provider == provider, t.Price.model == model, t.Price.source == PERSON, t.Price.ended_at.is_null()
    return door.update(t.Price, *mine, ended_at=door.now())


def _version(row: Row) -> PriceVersion:
    facts = {name: row[name] for name in ("id", "provider", "model", "source", "made_by")}
    return PriceVersion(**facts, steps=steps_of(row), valid_from=rows.moment(row["created_at"]))
