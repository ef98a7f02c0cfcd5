"""Who may do what: tenants, users and what they sign in with."""

from __future__ import annotations

from peewee import CharField, DoubleField, Model, TextField

from codeforge.store.tables.columns import Json, key, ref


class Tenant(Model):
    """``limits`` bounds what of its work goes on at once: {"runs": n, "agents": {name: n}, "providers": {name: n}}."""

    id = key()
    name = TextField()
    limits = Json(default=dict)


class User(Model):
    id = key()
    tenant_id = ref()
    name = TextField()
    role = TextField()
    created_at = DoubleField()


class Link(Model):
    """A one-time sign-in link; ``id`` is the hash of its secret."""

    id = key()
    user_id = ref()
    expires_at = DoubleField()


class Session(Model):
    """A signed-in browser; ``id`` is the hash of the cookie."""

    id = key()
    user_id = ref()
    created_at = DoubleField()
    expires_at = DoubleField()


class Token(Model):
    """A bearer token; only its ``hash`` is kept."""

    id = key()
    tenant_id = ref()
    user_id = ref()
    name = TextField()
    hash = CharField(max_length=64, unique=True)
    scopes = Json()
    created_at = DoubleField()
    expires_at = DoubleField(null=True)
    used_at = DoubleField(null=True)
    revoked_at = DoubleField(null=True)
