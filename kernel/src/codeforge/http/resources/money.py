"""Prices, budgets and forecasts."""

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Id, Name
from codeforge.llm import Price
from codeforge.model import Principal


@operation("GET", "/prices")
async def list_prices(forge: Forge, who: Principal, *, history: bool = False) -> schemas.Page[schemas.Price]:
    """List the prices that are in force: of models that were used, or that somebody priced; with history all."""
    found = await forge.prices.versions(who, history=history)
    return schemas.Page(items=[schemas.Price.of(one) for one in found])


@operation("PUT", "/prices", scope="admin")
async def set_price(forge: Forge, who: Principal, body: schemas.PriceEdit) -> schemas.Price:
    """Say what a provider's model costs: it counts before what the provider and the map say, for calls from now on."""
    price = Price(**body.model_dump(exclude={"provider", "model"}))
    return schemas.Price.of(await forge.prices.set(who, body.provider, body.model, price))


@operation("DELETE", "/prices", status=204, errors=(404,), scope="admin")
async def forget_price(forge: Forge, who: Principal, provider: Name, model: Name) -> None:
    """Take back what somebody said that a model costs."""
    await forge.prices.forget(who, provider, model)


@operation("GET", "/budgets", errors=(404,))
async def list_budgets(forge: Forge, who: Principal, *, run: Id = "") -> schemas.Page[schemas.Budget]:
    """List the budgets with what is spent and reserved of each: all but those of single runs, or those of one run."""
    return schemas.Page(items=[schemas.Budget.of(one) for one in await forge.budgets.list(who, run_id=run)])


@operation("PUT", "/budgets", errors=(404,), scope="admin")
async def set_budget(forge: Forge, who: Principal, body: schemas.BudgetEdit) -> schemas.Budget:
    """Make a budget, or change its limit. Runs that wait for it go on as soon as it allows their next call."""
    return schemas.Budget.of(await forge.budgets.set(who, body.scope, body.scope_id, body.period, body.limit_micro))


@operation("DELETE", "/budgets/{id}", status=204, errors=(404,), scope="admin")
async def remove_budget(forge: Forge, who: Principal, id: Id) -> None:
    """Take a budget away."""
    await forge.budgets.remove(who, id)


@operation("GET", "/projects/{id}/forecast", errors=(404,))
async def read_forecast(
    forge: Forge, who: Principal, id: Id, *, agent: Name = "", model: Name = ""
) -> schemas.Forecast:
    """Say what a run of a project will probably take; agent and model are the project's where left out."""
    return schemas.Forecast.of(await forge.forecast(who, id, agent=agent, model=model))


OPERATIONS = (
    list_prices,
    set_price,
    forget_price,
    list_budgets,
    set_budget,
    remove_budget,
    read_forecast,
)
