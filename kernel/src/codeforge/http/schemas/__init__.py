"""The shapes of the API: what clients send and get, each field with its meaning.

Times are ISO 8601 in UTC. Money is integer micro-dollars; null means unpriced, which is not free.
"""

from codeforge.http.schemas.base import Address, Command, Id, Name, Page, Said, Sequence, Shape, Slug, Text
from codeforge.http.schemas.house import Alive, FreshToken, NewToken, Part, Plugin, Ready, Token
from codeforge.http.schemas.models import Alias, AliasEdit, Model, Provider, ProviderEdit, UsageReport
from codeforge.http.schemas.projects import Health, Limits, NewProject, Place, Project, ProjectEdit, Repository
from codeforge.http.schemas.work import (
    Call,
    Change,
    CheckResult,
    Diff,
    Event,
    FileChange,
    NewRun,
    NewTask,
    Run,
    StreamParameters,
    Submitted,
    Task,
    Usage,
    Verdict,
    Words,
)

__all__ = [
    "Address",
    "Alias",
    "AliasEdit",
    "Alive",
    "Call",
    "Change",
    "CheckResult",
    "Command",
    "Diff",
    "Event",
    "FileChange",
    "FreshToken",
    "Health",
    "Id",
    "Limits",
    "Model",
    "Name",
    "NewProject",
    "NewRun",
    "NewTask",
    "NewToken",
    "Page",
    "Part",
    "Place",
    "Plugin",
    "Project",
    "ProjectEdit",
    "Provider",
    "ProviderEdit",
    "Ready",
    "Repository",
    "Run",
    "Said",
    "Sequence",
    "Shape",
    "Slug",
    "StreamParameters",
    "Submitted",
    "Task",
    "Text",
    "Token",
    "Usage",
    "UsageReport",
    "Verdict",
    "Words",
]
