"""Accounts, first floor: an admin who signs in by a one-time link, sessions, and bearer tokens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from codeforge.errors import Invalid, NotFound, Unauthorized
from codeforge.forge import workers
from codeforge.forge.workers import WORKER
from codeforge.ids import new_id
from codeforge.logs import tell
from codeforge.model import Principal
from codeforge.store import Door
from codeforge.store import tables as t
from codeforge.vault import digest, new_secret

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
DAY = 86_400.0
LINK_SECONDS = 900.0
SESSION_SECONDS = 30 * DAY
SCOPES = ("read", "write", "admin")
LONGEST_TOKEN_DAYS = 3650
USE_NOTED_EVERY = 60.0
"""Seconds: who asks often shall not make the database write each time."""
TENANT = "default"


def _admin(door: Door) -> dict[str, Any]:
    """The first user of the first tenant, made when there is none."""
    if user := next(iter(door.all(t.User, t.User.tenant_id == TENANT)), None):
        return user
    door.insert(t.Tenant, id=TENANT, name="Default")
    door.insert(t.User, id=new_id(), tenant_id=TENANT, name="admin", role="admin", created_at=door.now())
    return door.all(t.User, t.User.tenant_id == TENANT)[0]


def _principal(door: Door, user_id: str, scopes: tuple[str, ...], session_id: str | None = None) -> Principal:
    user = door.one(t.User, t.User.id == user_id)
    if user is None:
        raise Unauthorized("This account is gone: sign in again.")
    return Principal(
        user_id=user["id"],
        user=user["name"],
        tenant_id=user["tenant_id"],
        scopes=frozenset(scopes),
        session_id=session_id,
    )


class Accounts:
    """Who may come in. Secrets are kept as hashes only."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def admin(self) -> Principal:
        """The admin of this installation, made on first start; for the process's own use."""
        return await self._forge.store.run(None, lambda d: _principal(d, _admin(d)["id"], SCOPES))

    async def link(self) -> str:
        """The secret of a new one-time sign-in link for the admin, good for 15 minutes."""
        secret = new_secret("cflink_")

        def work(door: Door) -> None:
            door.delete(t.Link, t.Link.expires_at < door.now())
            door.insert(t.Link, id=digest(secret), user_id=_admin(door)["id"], expires_at=door.now() + LINK_SECONDS)

        await self._forge.store.run(None, work)
        return secret

    async def sign_in(self, link: str) -> str:
        """Spend a one-time link; gives the session's secret for the cookie. Raises `Unauthorized`."""
        secret = new_secret("cfses_")

        def work(door: Door) -> None:
            now = door.now()
            row = door.one(t.Link, t.Link.id == digest(link), t.Link.expires_at > now)
            if row is None:
                raise Unauthorized(
                    "This sign-in link was used already or is too old: get a new one with `codeforge link`."
                )
            door.delete(t.Link, t.Link.id == row["id"])
            door.delete(t.Session, t.Session.expires_at < now)
            door.insert(
                t.Session, id=digest(secret), user_id=row["user_id"], created_at=now, expires_at=now + SESSION_SECONDS
            )

        await self._forge.store.run(None, work)
        tell(log, "somebody signed in")
        return secret

    async def by_session(self, secret: str) -> Principal:
        """Who holds this cookie. Raises `Unauthorized`."""

        def work(door: Door) -> Principal:
            row = door.one(t.Session, t.Session.id == digest(secret), t.Session.expires_at > door.now())
            if row is None:
                raise Unauthorized("You are not signed in any more: sign in again.")
            return _principal(door, row["user_id"], SCOPES, row["id"])

        return await self._forge.store.read(None, work)

    async def sign_out(self, who: Principal) -> None:
        """End the session of this cookie."""
        await self._forge.store.run(None, lambda d: d.delete(t.Session, t.Session.id == (who.session_id or "")))

    async def by_token(self, secret: str) -> Principal:
        """Who holds this bearer token. Raises `Unauthorized`."""

        if secret.startswith(WORKER):
            return await self._forge.store.read(None, workers.principal, secret)

        def work(door: Door) -> tuple[Principal, str, bool]:
            row = door.one(t.Token, t.Token.hash == digest(secret), t.Token.revoked_at.is_null())
            now = door.now()
            if row is None or (row["expires_at"] or now + 1) < now:
                raise Unauthorized("This token is unknown, revoked or expired: make a new one.")
            note_it = now - (row["used_at"] or 0) > USE_NOTED_EVERY
            return _principal(door, row["user_id"], tuple(row["scopes"])), row["id"], note_it

        who, token_id, note_it = await self._forge.store.read(None, work)
        if note_it:
            await self._forge.store.run(None, lambda d: d.update(t.Token, t.Token.id == token_id, used_at=d.now()))
        return who

    async def new_token(
        self, who: Principal, name: str, scopes: tuple[str, ...] = ("read", "write"), days: float | None = None
    ) -> tuple[str, str]:
        """A new token of this user as (id, secret); the secret is shown this once. Raises `Invalid`."""
        if not name.strip() or len(name) > 100:
            raise Invalid(
                "Give the token a name of 1 to 100 characters, so that you know it when you revoke it.", field="name"
            )
        if not scopes or not set(scopes) <= set(SCOPES) or not set(scopes) <= who.scopes:
            raise Invalid(f"Scopes are of {', '.join(SCOPES)}, and none that you do not have yourself.", field="scopes")
        if days is not None and not 0 < days <= LONGEST_TOKEN_DAYS:
            raise Invalid(f"A token lasts for up to {LONGEST_TOKEN_DAYS} days, or without end.", field="days")
        secret, token_id = new_secret("cftok_"), new_id()

        def work(door: Door) -> None:
            now = door.now()
            door.insert(
                t.Token,
                id=token_id,
                user_id=who.user_id,
                name=name.strip(),
                hash=digest(secret),
                scopes=list(scopes),
                created_at=now,
                expires_at=now + days * DAY if days else None,
            )

        await self._forge.store.run(who.tenant_id, work)
        tell(log, "token made", token=token_id, scopes=",".join(scopes), by=who.user)
        return token_id, secret

    async def tokens(self, who: Principal) -> list[dict[str, Any]]:
        """The tenant's tokens that are not revoked, as rows of the table ``Token``."""
        return await self._forge.store.read(who.tenant_id, lambda d: d.all(t.Token, t.Token.revoked_at.is_null()))

    async def revoke_token(self, who: Principal, token_id: str) -> None:
        """End a token. Raises `NotFound`."""

        def work(door: Door) -> int:
            return door.update(t.Token, t.Token.id == token_id, t.Token.revoked_at.is_null(), revoked_at=door.now())

        if not await self._forge.store.run(who.tenant_id, work):
            raise NotFound(f"There is no token {token_id}.")
        tell(log, "token revoked", token=token_id, by=who.user)
