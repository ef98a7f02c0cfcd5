"""Where models come from, what people call them, and the keys of runs to them."""

from __future__ import annotations

from peewee import BlobField, CharField, CompositeKey, DoubleField, Model, TextField

from codeforge.store.tables.columns import Json, key, ref


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


class RunKey(Model):
    """A run's own key for the model gateway; ``id`` is its hash."""

    id = key()
    tenant_id = ref()
    run_id = ref()
    project_id = ref()
    model = TextField()
    expires_at = DoubleField()
    revoked_at = DoubleField(null=True)
