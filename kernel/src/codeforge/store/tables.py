"""The tables. Times are seconds since 1970 (UTC), money is micro-dollars (NULL: unpriced), hashes are SHA-256 in hex.

A table with ``tenant_id`` belongs to tenants and is reached through their `Door` only.
"""

from __future__ import annotations

import json
from typing import Any

from peewee import (
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)


class Json(TextField):
    """A value kept as JSON text, alike on every database."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


def key() -> CharField:
    return CharField(primary_key=True, max_length=64)


def ref(**options: Any) -> CharField:
    return CharField(max_length=64, index=True, **options)


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


class Project(Model):
    """``served_at`` is when a run of it was claimed last."""

    id = key()
    tenant_id = ref()
    name = TextField()
    url = TextField()
    scm = TextField()
    branch = TextField()
    agent = TextField()
    model = TextField()
    check = TextField(column_name="check_command")
    limits = Json()
    labels = Json(default=list)
    max_runs = IntegerField(null=True)
    hours = Json(null=True)
    disk_mb = IntegerField(null=True)
    served_at = DoubleField(default=0)
    created_at = DoubleField()
    version = IntegerField(default=1)

    class Meta:
        indexes = ((("tenant_id", "name"), True),)


class Task(Model):
    id = key()
    tenant_id = ref()
    project_id = ref()
    title = TextField()
    prompt = TextField()
    priority = IntegerField()
    agent = TextField(null=True)
    model = TextField(null=True)
    check = TextField(null=True, column_name="check_command")
    not_before = DoubleField(default=0)
    schedule_id = ref(null=True)
    created_at = DoubleField()


class Dependency(Model):
    """Task ``task_id`` starts when a change of task ``needs_id`` has been accepted."""

    task_id = CharField(max_length=64)
    needs_id = CharField(max_length=64, index=True)
    tenant_id = CharField(max_length=64)

    class Meta:
        primary_key = CompositeKey("task_id", "needs_id")


class Schedule(Model):
    """A task that is submitted again and again; ``next_at`` is its next tick of ``cron`` in the time zone ``zone``,
    ``outcome`` what became of the last one.
    """

    id = key()
    tenant_id = ref()
    project_id = CharField(max_length=64)
    name = TextField()
    cron = TextField()
    zone = TextField()
    prompt = TextField()
    priority = IntegerField()
    agent = TextField(null=True)
    model = TextField(null=True)
    enabled = BooleanField()
    next_at = DoubleField(index=True)
    last_at = DoubleField(null=True)
    outcome = TextField(default="")
    made_by = TextField()
    created_at = DoubleField()

    class Meta:
        indexes = ((("project_id", "name"), True),)


class Run(Model):
    """``provider`` is that of the model when the run was queued; ``blocked`` counts the tasks that it waits for;
    ``reported`` is the number of the last report of this generation; ``state_at`` when it came into its state;
    ``kept`` is the change, with its generation, that the next claim goes on from; ``replaces`` is the run in
    whose place this one was started from scratch; ``made_by`` is who asked for it, by name; ``replays`` the one
    whose kept exchanges answer this one, which begins at ``start_commit`` whatever the branch is at; ``waiting_for`` is
    what it waits for, or is to: {"why": "budget" or "quota", "until": seconds or None, "detail": text, and what tells
    when it is there}; ``claimed`` adds up what its agent said that it used.
    """

    id = key()
    tenant_id = ref()
    project_id = ref()
    task_id = ref()
    number = IntegerField()
    follows = CharField(max_length=64, null=True)
    replaces = CharField(max_length=64, null=True)
    replays = CharField(max_length=64, null=True)
    start_commit = CharField(max_length=64, null=True)
    prompt = TextField()
    agent = TextField()
    model = TextField()
    provider = TextField(default="")
    state = CharField(max_length=16)
    state_at = DoubleField(default=0)
    reason = CharField(max_length=32, null=True)
    detail = TextField(default="")
    priority = IntegerField(default=0)
    generation = IntegerField(default=0)
    reported = IntegerField(default=0)
    losses = IntegerField(default=0)
    retries = IntegerField(default=0)
    blocked = IntegerField(default=0)
    worker = TextField(null=True)
    lease_until = DoubleField(null=True)
    not_before = DoubleField(default=0)
    rung_at = DoubleField(default=0)
    want = TextField(null=True)
    base = TextField(null=True)
    change = Json(null=True)
    kept = Json(null=True)
    waiting_for = Json(null=True)
    worked = DoubleField(default=0)
    claimed = Json(null=True)
    check = Json(null=True, column_name="check_result")
    intent = Json(null=True)
    delivered = TextField(null=True)
    made_by = TextField(default="")
    created_at = DoubleField()
    started_at = DoubleField(null=True)
    ended_at = DoubleField(null=True)

    class Meta:
        indexes = (
            (("state", "priority", "id"), False),
            (("task_id", "number"), True),
            (("state", "blocked", "project_id", "agent", "provider", "priority", "id", "not_before"), False),
        )


class Event(Model):
    """``offset`` numbers the events of all runs, ``seq`` those of one run from 1 without gaps."""

    offset = BigAutoField()
    tenant_id = CharField(max_length=64)
    run_id = CharField(max_length=64)
    seq = IntegerField()
    time = DoubleField()
    kind = CharField(max_length=16)
    data = Json()

    class Meta:
        indexes = ((("run_id", "seq"), True), (("tenant_id", "offset"), False))


class Message(Model):
    """Words of a person to a run that is at work."""

    id = key()
    tenant_id = ref()
    run_id = ref()
    text = TextField()
    created_at = DoubleField()


class Artifact(Model):
    """Bytes that a run leaves for those that follow it, such as an agent's conversation."""

    run_id = CharField(max_length=64)
    name = CharField(max_length=64)
    tenant_id = ref()
    data = BlobField()

    class Meta:
        primary_key = CompositeKey("run_id", "name")


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

    ``disk`` is what it said last of its data folder: {"free_mb": n, "full": bool, "projects": {id: mb}}.
    """

    id = key()
    tenant_id = ref()
    name = CharField(max_length=64)
    token_hash = CharField(max_length=64, null=True, unique=True)
    labels = Json()
    host = TextField()
    version = TextField()
    agents = Json()
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


class RunKey(Model):
    """A run's own key for the model gateway; ``id`` is its hash."""

    id = key()
    tenant_id = ref()
    run_id = ref()
    project_id = ref()
    model = TextField()
    expires_at = DoubleField()
    revoked_at = DoubleField(null=True)


class Provider(Model):
    """Where models come from; ``secret`` is encrypted with a key that is not in the database."""

    id = key()
    tenant_id = ref()
    name = TextField()
    kind = TextField()
    base_url = TextField()
    secret = BlobField(null=True)
    settings = Json()
    created_at = DoubleField()

    class Meta:
        indexes = ((("tenant_id", "name"), True),)


class Alias(Model):
    """A name that people choose. It stands for ``route``, whose first model is ``target``, or for that model alone."""

    tenant_id = CharField(max_length=64)
    name = CharField(max_length=128)
    target = TextField()
    route = Json(null=True)

    class Meta:
        primary_key = CompositeKey("tenant_id", "name")


class ProjectAlias(Model):
    """An `Alias` of one project, which counts there before the tenant's of the same name."""

    tenant_id = CharField(max_length=64)
    project_id = CharField(max_length=64)
    name = CharField(max_length=128)
    target = TextField()
    route = Json(null=True)

    class Meta:
        primary_key = CompositeKey("tenant_id", "project_id", "name")


class Call(Model):
    """One model call, as the gateway counted it. ``counted`` is "reported", "counted", "estimated" (its worst case,
    because the server died with it) or "unpriced"; ``state`` is "open" until it is "settled". ``route`` says in a
    sentence which way of a route it took and why, empty where there was nothing to choose.

    ``held_micro`` was reserved for it (NULL: no price was known), until ``held_until`` at most while it is open, when
    its tokens are what was reserved for; ``price_id`` is the version that it is settled by.
    """

    id = key()
    tenant_id = ref()
    run_id = ref(null=True)
    project_id = ref(null=True)
    provider = TextField()
    model = TextField()
    status = IntegerField()
    streamed = BooleanField()
    replayed = BooleanField(default=False)
    prompt_tokens = IntegerField(default=0)
    completion_tokens = IntegerField(default=0)
    cached_tokens = IntegerField(default=0)
    written_tokens = IntegerField(default=0)
    reasoning_tokens = IntegerField(default=0)
    cost_micro = BigIntegerField(null=True)
    protocol = TextField(default="chat")
    route = TextField(default="")
    state = CharField(max_length=16, default="settled")
    held_micro = BigIntegerField(null=True)
    held_until = DoubleField(null=True)
    price_id = CharField(max_length=64, null=True)
    counted = CharField(max_length=16)
    milliseconds = IntegerField()
    error = TextField(default="")
    created_at = DoubleField(index=True)


class Exchange(Model):
    """What a model call asked and was answered: a file of a cassette, compressed to ``size`` bytes. Of size 0: the
    first that its run had no room for.
    """

    call_id = key()
    tenant_id = ref()
    run_id = ref()
    size = IntegerField()
    created_at = DoubleField(index=True)
    data = BlobField()


class Price(Model):
    """A version of what a model's calls cost: the ``steps`` as `codeforge.llm.Price` has them.

    ``source`` is "map", "provider", "settings" or "person" (``made_by``); a person's holds before all others, and the
    ``model`` "*" for all of a provider's models. It counts from ``created_at`` until there is a newer one of its
    source, or ``ended_at``.
    """

    id = key()
    tenant_id = ref()
    provider = TextField()
    model = TextField()
    steps = Json()
    source = CharField(max_length=16)
    made_by = TextField(default="")
    created_at = DoubleField()
    ended_at = DoubleField(null=True)

    class Meta:
        indexes = ((("tenant_id", "provider", "model"), False),)


class Budget(Model):
    """What calls may cost: of one ``scope`` ("tenant", "project", "task", "run", "provider") and ``scope_id`` (a
    provider's name, empty for the tenant), per "day", "month" or in "total".

    ``spent_micro`` adds up its settled calls, and ``told`` is the share in per cent that people were told of last, each
    in the period that began then; another one begins with what the calls themselves say.
    """

    id = key()
    tenant_id = ref()
    scope = CharField(max_length=16)
    scope_id = CharField(max_length=64)
    period = CharField(max_length=16)
    limit_micro = BigIntegerField()
    made_by = TextField(default="")
    spent_micro = BigIntegerField(default=0)
    spent_since = DoubleField(default=-1)
    told = IntegerField(default=0)
    told_since = DoubleField(default=0)
    created_at = DoubleField()

    class Meta:
        indexes = ((("tenant_id", "scope", "scope_id", "period"), True),)


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


TABLES: tuple[type[Model], ...] = (
    Tenant, User, Link, Session, Token, Project, Task, Dependency, Schedule, Run, Event, Message, Artifact,
    Pack, Worker, Lock, RunKey, Provider, Alias, ProjectAlias, Call, Exchange, Price, Budget, Once,
)  # fmt: skip
