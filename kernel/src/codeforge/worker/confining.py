"""Which sandbox confines a run, what it is confined to, and what becomes of it where none can be had."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from codeforge.agents import AgentBackend
from codeforge.coordination import Assignment
from codeforge.errors import RunFailure, Unavailable
from codeforge.model import Reason
from codeforge.sandboxes import NONE, Bounds, Confined, Confinement, Sandbox, Unconfined
from codeforge.scm import Workspace
from codeforge.settings import Settings
from codeforge.worker.folder import RunFolder

log = logging.getLogger(__name__)
AUTO = "auto"


async def choose(sandboxes: Mapping[str, Sandbox], settings: Settings) -> tuple[Sandbox, str]:
    """The sandbox for a run, and what must be said about the choice; empty when it is the one that is wanted.

    Raises `RunFailure` when that cannot be had and the settings allow no other.
    """
    wanted, whys = settings.sandbox, []
    free = sandboxes.get(NONE) or Unconfined()
    if wanted == NONE:
        return free, ""
    for sandbox in sandboxes.values():
        if sandbox.name == wanted or (wanted == AUTO and sandbox.name != NONE):
            why = await _why_not(sandbox)
            if not why:
                return sandbox, ""
            whys.append(f"{sandbox.name}: {why}")
    missing = "No sandbox is installed." if wanted == AUTO else f"No sandbox {wanted} is installed."
    told = " ".join(whys) or f"{missing} Install a plugin that brings one, such as codeforge-sandbox-bubblewrap."
    if settings.sandbox_fallback:
        log.warning("a run works unconfined: %s", told)
        return free, f"No sandbox can be had ({told.rstrip('.')}), and sandbox_fallback is set."
    advice = "Mend that, or allow runs without one by the setting sandbox=none or sandbox_fallback."
    raise RunFailure(Reason.SANDBOX_ERROR, f"The sandbox cannot be had. {told} {advice}")


async def _why_not(sandbox: Sandbox) -> str:
    try:
        health = await sandbox.check()
    except Exception as error:
        log.exception("the check of sandbox %s failed", sandbox.name)
        return f"Its check failed: {error}."
    return "" if health.ok else f"{health.detail} {health.fix}".strip()


@asynccontextmanager
async def enter(
    sandbox: Sandbox,
    job: Assignment,
    *,
    agent: AgentBackend,
    workspace: Workspace,
    folder: RunFolder,
    settings: Settings,
) -> AsyncIterator[Confined]:
    """Within the sandbox for the job. Raises `RunFailure` when it cannot be entered."""
    confinement = Confinement(
        run_id=job.run.id,
        folder=folder.sandbox,
        workspace=folder.workspace,
        home=folder.home,
        state=folder.state,
        readable=(settings.agents_home, *agent.readable(), *workspace.borrows, *settings.sandbox_readable),
        gateway=job.gateway,
        key=job.key,
        allowed_hosts=job.project.allowed_hosts,
        bounds=Bounds(
            memory_mb=settings.sandbox_memory_mb,
            processes=settings.sandbox_processes,
            file_mb=settings.sandbox_file_mb,
            cpu_seconds=settings.sandbox_cpu_seconds,
        ),
    )
    async with AsyncExitStack() as stack:
        try:
            confined = await stack.enter_async_context(sandbox.enter(confinement))
        except (OSError, Unavailable) as error:
            raise RunFailure(
                Reason.SANDBOX_ERROR, f"The sandbox {sandbox.name} could not be set up: {error}"
            ) from error
        yield confined
