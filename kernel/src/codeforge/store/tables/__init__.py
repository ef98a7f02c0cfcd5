"""The tables. Times are seconds since 1970 (UTC), money is micro-dollars (NULL: unpriced), hashes are SHA-256 in hex.

A table with ``tenant_id`` belongs to tenants and is reached through their `Door` only.
"""

from __future__ import annotations

from peewee import Model

from codeforge.store.tables.fleet import Lock, Once, Pack, Worker
from codeforge.store.tables.models import Alias, ProjectAlias, Provider, RunKey
from codeforge.store.tables.money import Budget, Call, Exchange, Price
from codeforge.store.tables.people import Link, Session, Tenant, Token, User
from codeforge.store.tables.work import Artifact, Dependency, Event, Message, Project, Run, Schedule, Task

TABLES: tuple[type[Model], ...] = (
    Tenant, User, Link, Session, Token, Project, Task, Dependency, Schedule, Run, Event, Message, Artifact,
    Pack, Worker, Lock, RunKey, Provider, Alias, ProjectAlias, Call, Exchange, Price, Budget, Once,
)  # fmt: skip
__all__ = [
    "TABLES",
    "Alias",
    "Artifact",
    "Budget",
    "Call",
    "Dependency",
    "Event",
    "Exchange",
    "Link",
    "Lock",
    "Message",
    "Once",
    "Pack",
    "Price",
    "Project",
    "ProjectAlias",
    "Provider",
    "Run",
    "RunKey",
    "Schedule",
    "Session",
    "Task",
    "Tenant",
    "Token",
    "User",
    "Worker",
]
