"""Agents that CodeForge knows how to start: they have only to be named in the settings, or to be installed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from codeforge_agents_acp.node import NodePackage
from codeforge_agents_acp.settings import Agent

HERE = Path(__file__).parent
_LIMIT = {"context": "{window}", "output": "{max_output}"}
_OPENCODE = {
    "model": "codeforge/{model}",
    "small_model": "codeforge/{model}",
    "autoupdate": False,
    "share": "disabled",
    "shell": "{shell}",
    "snapshot": False,  # the workspace is a checkout of the run's own, whose work CodeForge keeps
    "agent": {"title": {"disable": True}},  # a model call whose answer nobody sees
    "enabled_providers": ["codeforge"],
    "permission": {"edit": "ask", "bash": "ask", "webfetch": "deny", "external_directory": "deny"},
    "provider": {
        "codeforge": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "CodeForge",
            "options": {"baseURL": "{gateway}", "apiKey": "{key}"},
            "models": {"{model}": {"name": "{model}", "tool_call": True, "limit": _LIMIT}},
        }
    },
}
_CODEX = {"name": "CodeForge", "base_url": "{gateway}", "env_key": "RUN_KEY", "wire_api": "responses"}

KNOWN: dict[str, Agent] = {
    "opencode": Agent(
        command=("opencode", "acp"),
        env={
            "OPENCODE_CONFIG_CONTENT": re.sub(r'"\{(window|max_output)\}"', r"{\1}", json.dumps(_OPENCODE)),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
            "OPENCODE_DISABLE_CLAUDE_CODE": "1",
            "OPENCODE_EXPERIMENTAL_BASH_DEFAULT_TIMEOUT_MS": "600000",
            "OPENCODE_PURE": "1",
            "XDG_DATA_HOME": "{state}/data",
        },
        files={  # else it fetches this for plugins, which it has none of, at each start
            ".config/opencode/node_modules/.keep": "",
            ".config/opencode/package-lock.json": json.dumps(
                {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
            ),
        },
    ),
    "claude-agent-acp": Agent(
        command=("claude-agent-acp",),
        env={
            "ANTHROPIC_BASE_URL": "{anthropic}",
            "ANTHROPIC_AUTH_TOKEN": "{key}",
            "ANTHROPIC_MODEL": "{model}",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "{model}",
            "CLAUDE_CONFIG_DIR": "{state}/claude",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
        files={  # else it has a model that nobody chose decide on what may be done
            "{state}/claude/settings.json": json.dumps({"permissions": {"defaultMode": "default"}}),
        },
    ),
    "codex-acp": Agent(
        command=("codex-acp",),
        env={
            "RUN_KEY": "{key}",
            "CODEX_API_KEY": "{key}",
            "CODEX_HOME": "{state}",
            "CODEX_CONFIG": json.dumps(
                {"model": "{model}", "model_provider": "codeforge", "model_providers": {"codeforge": _CODEX}}
            ),
            "MODEL_PROVIDER": "codeforge",
        },
        auth="api-key",
    ),
    "qwen": Agent(
        command=("qwen", "--acp"),
        env={"OPENAI_BASE_URL": "{gateway}", "OPENAI_API_KEY": "{key}", "OPENAI_MODEL": "{model}"},
        auth="openai",
    ),
}
"""By name. What the settings leave out of one of these (``env``, ``files``, ``auth``) is taken from here."""

PACKAGES: dict[str, NodePackage] = {
    "opencode": NodePackage(
        name="opencode",
        title="opencode",
        folder=HERE / "packages" / "opencode",
        program="opencode-linux-x64-baseline/bin/opencode",
        fetched="60 MB",
    ),
}
"""Those that `codeforge agents install` brings, pinned."""


def with_known(name: str, agent: Agent) -> Agent:
    """An agent of the settings, with what CodeForge knows of it: its arguments, too, where the settings give none."""
    known = KNOWN.get(name)
    if known is None:
        return agent
    words = known.command[1:] if len(agent.command) == 1 else ()
    return Agent(
        command=(*agent.command, *words),
        env={**known.env, **agent.env},
        files={**known.files, **agent.files},
        auth=agent.auth or known.auth,
    )
