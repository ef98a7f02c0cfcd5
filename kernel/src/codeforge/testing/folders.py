"""Folders that tests share between sessions."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def agents_dir() -> Path:
    """Where agents are installed for tests, once for all: CODEFORGE_AGENTS_DIR, else .dev/agents of the checkout
    that this package belongs to, else the user's cache folder.
    """
    if chosen := os.environ.get("CODEFORGE_AGENTS_DIR"):
        return Path(chosen)
    checkout = next((folder for folder in Path(__file__).parents if (folder / ".git").exists()), None)
    return checkout / ".dev" / "agents" if checkout else platformdirs.user_cache_path("codeforge") / "agents"
