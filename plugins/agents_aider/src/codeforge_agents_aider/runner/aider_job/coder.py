"""Aider's coder, set up for one job."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from aider.coders import Coder, base_coder
from aider.repomap import RepoMap
from codeforge_agent.job import Job

from .model import GatewayModel
from .repository import repository
from .screen import Screen

MAPPED_FILES = 3000
"""Larger repositories get no map: ranking it takes minutes, again for every message."""


def make_coder(job: Job, model: GatewayModel, screen: Screen) -> Any:
    """A coder on the job's workspace, with the conversation of the turn before where this one follows it."""
    workspace = Path(job.workspace)
    base_coder.RETRY_TIMEOUT = float("inf")  # the gateway's patience decides
    RepoMap.TAGS_CACHE_DIR = os.path.join(job.state, "tags")  # noqa: PTH118 - Aider joins it to the workspace
    before = _conversation(job) if job.follow_up else {}
    repo = repository(workspace, screen, model)
    coder = Coder.create(
        main_model=model, edit_format=model.edit_format, io=screen, repo=repo, use_git=bool(repo),
        fnames=[str(path) for name in before.get("files", []) if (path := screen.inside(name)) and path.is_file()],
        done_messages=before.get("messages"), auto_commits=False, dirty_commits=False, stream=True,
        map_tokens=1024 if repo and len(repo.get_tracked_files()) <= MAPPED_FILES else 0,
        suggest_shell_commands=False, detect_urls=False,
    )  # fmt: skip
    coder.root = str(workspace)
    coder.linter.flake8_lint = lambda *_: None  # it would run what the repository's .flake8 names
    coder.get_platform_info = lambda: "- Platform: Linux\n"  # the same words on every machine and day: see cassettes
    coder.get_user_language = lambda: None  # the prompt's own
    coder.show_usage_report = lambda: None
    completed = coder.reply_completed  # asked before edits are applied: those of half a reply must not be
    coder.reply_completed = lambda: model.gateway.open or completed()
    return coder


def keep_conversation(job: Job, coder: Any) -> None:
    """Leave the conversation for a turn that follows; whole or not at all."""
    kept = {"messages": coder.done_messages + coder.cur_messages, "files": coder.get_inchat_relative_files()}
    path = _path(job)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(kept), encoding="utf-8")
    new.replace(path)


def _conversation(job: Job) -> dict[str, Any]:
    try:
        return dict(json.loads(_path(job).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _path(job: Job) -> Path:
    return Path(job.state) / "aider.json"
