"""Tokens: how programs sign in."""

from datetime import UTC, datetime
from typing import Any

from codeforge.errors import NotFound
from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.schemas import Id
from codeforge.model import Principal

TIMES = ("created_at", "expires_at", "used_at")


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: row[name] and datetime.fromtimestamp(row[name], UTC) for name in TIMES}}


@operation("GET", "/tokens")
async def list_tokens(forge: Forge, who: Principal) -> schemas.Page[schemas.Token]:
    """List the tokens that are not revoked, without their secrets."""
    return schemas.Page(items=[schemas.Token(**_facts(row)) for row in await forge.accounts.tokens(who)])


@operation("POST", "/tokens", status=201, scope="admin")
async def make_token(forge: Forge, who: Principal, body: schemas.NewToken) -> schemas.FreshToken:
    """Make a token; its secret is in this answer and nowhere else."""
    token_id, secret = await forge.accounts.new_token(who, body.name, tuple(body.scopes), body.days)
    for row in await forge.accounts.tokens(who):
        if row["id"] == token_id:
            return schemas.FreshToken(**_facts(row), secret=secret)
    raise NotFound(f"The token {token_id} was revoked at once.")


@operation("DELETE", "/tokens/{id}", status=204, errors=(404,), scope="admin")
async def revoke_token(forge: Forge, who: Principal, id: Id) -> None:
    """End a token."""
    await forge.accounts.revoke_token(who, id)


OPERATIONS = (list_tokens, make_token, revoke_token)
