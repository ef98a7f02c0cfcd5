"""Workers, the commits that they sent, and what servers and clients agree on among many."""

from __future__ import annotations

from peewee import (
    BigAutoField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)

from codeforge.store.tables.columns import Json, key, ref


class Pack(Model):
    """Commits that a worker sent, in the form of their kind of repository and in parts, for every server to have;
    ``nth`` counts what it sent as this ``ref``.
    """

    id = BigAutoField()
    tenant_id = CharField(max_length=64)
    project_id = ref()
    run_id = CharField(max_length=64)
    ref = TextField()
    head = CharField(max_length=64)
    nth = IntegerField(default=0)
    part = IntegerField()
    data = BlobField()
    created_at = DoubleField()

    class Meta:
        indexes = ((("run_id", "ref", "part"), True),)


class Worker(Model):
    """A process that executes runs, of this tenant alone; one without ``token_hash`` is part of a server.

    ``disk`` is what it said last of its data folder: {"free_mb": n, "full": bool, "projects": {id: mb}}; ``described``
    of its agents, by name, None for one that says nothing of them: see `codeforge.abilities.described`.
    """

    id = key()
    tenant_id = ref()
    name = CharField(max_length=64)
    token_hash = CharField(max_length=64, null=True, unique=True)
    labels = Json()
    host = TextField()
    version = TextField()
    agents = Json()
    described = Json(null=True)
    slots = IntegerField()
    draining = BooleanField()
    load = DoubleField()
    disk = Json()
    created_at = DoubleField()
    seen_at = DoubleField(null=True)
    revoked_at = DoubleField(null=True)


class Lock(Model):
    """Work that one server at a time does; ``data`` is what the next holder needs to go on."""

    name = key()
    holder = CharField(max_length=64)
    until = DoubleField()
    data = Json(null=True)


class Once(Model):
    """The answer to a POST that carried an Idempotency-Key, kept for a day."""

    tenant_id = CharField(max_length=64)
    key = CharField(max_length=255)
    request = CharField(max_length=64)
    status = IntegerField()
    answer = TextField()
    created_at = DoubleField(index=True)

    class Meta:
        primary_key = CompositeKey("tenant_id", "key")
