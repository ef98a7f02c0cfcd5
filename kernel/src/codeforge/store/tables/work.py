"""Projects, the tasks on them, and the runs that attempt these, with all that a run leaves."""

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
    allowed_hosts = Json(default=list)
    permissions = TextField(default="allow")
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
    when it is there}; ``claimed`` adds up what its agent said that it used; ``sandbox`` says what confined it;
    ``questions`` are what its agent asks, see `codeforge.forge.questions`.
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
    questions = Json(null=True)
    check = Json(null=True, column_name="check_result")
    intent = Json(null=True)
    delivered = TextField(null=True)
    made_by = TextField(default="")
    sandbox = TextField(default="")
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
