"""Agents: what they can do, where they are installed, and their installation on the server's own machine."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from codeforge.http.schemas.base import Shape


class AgentAbility(Shape):
    """One thing that people may want of a run's agent."""

    by: Literal["agent", "codeforge", "nobody"]
    """Who brings it about: the agent itself, CodeForge in its place, or nobody."""
    how: str
    """How that is, in a sentence for people."""


class AgentAbilities(Shape):
    """What an agent can do beside its work."""

    pause: AgentAbility
    """Pause its run."""
    steer: AgentAbility
    """Hear what is said to it while it works."""
    follow_up: AgentAbility
    """Go on from what it did."""
    resume: AgentAbility
    """Go on after its worker was lost."""


class AgentOnWorker(Shape):
    """An agent on a worker that offers it."""

    id: str
    """The worker's id."""
    name: str
    """The worker's name."""
    alive: bool
    """The worker gave word within the last seconds."""
    ready: bool | None
    """Whether it is installed there; null: the worker is of an older version and does not say."""
    version: str
    size_mb: int | None
    """What it takes of the worker's disk, in MB; null: unknown, or nothing that CodeForge installed."""


class AgentInstallation(Shape):
    """An agent's installation on the server's own machine that is under way, or how the last one ended."""

    state: Literal["running", "done", "failed", "stopped"]
    by: str
    """Who started it."""
    lines: list[str]
    """What it told last."""
    error: str
    """Why it failed, in one sentence; else empty."""
    started_at: datetime
    ended_at: datetime | None


class Agent(Shape):
    """An agent that a plugin offers."""

    name: str
    ready: bool | None
    """Whether a run of it can start at once on some worker; null: nobody knows. Else its first run installs
    it, if CodeForge installs it."""
    version: str
    """The version on the server's own machine; empty where it is not installed there."""
    detail: str
    """How it is on the server's own machine."""
    fix: str
    """What to do where it is not ready."""
    size_mb: int | None
    """What it takes of the server's disk, in MB; null: unknown, or nothing that CodeForge installed."""
    here: bool
    """Whether agents can be installed on the server's own machine; else that is done on the workers."""
    abilities: AgentAbilities
    workers: list[AgentOnWorker]
    installation: AgentInstallation | None
