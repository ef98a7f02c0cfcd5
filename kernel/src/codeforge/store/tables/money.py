"""Model calls, what they said, what they cost and may cost."""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, BooleanField, CharField, DoubleField, IntegerField, Model, TextField

from codeforge.store.tables.columns import Json, key, ref


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
