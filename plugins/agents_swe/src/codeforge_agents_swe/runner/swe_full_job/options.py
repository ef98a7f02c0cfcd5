"""SWE-agent's options and configuration for one job."""

from __future__ import annotations

import json
import os
from pathlib import Path

from codeforge_agent.job import Job

PAGERS = {"PAGER": "cat", "MANPAGER": "cat", "LESS": "-R", "GIT_PAGER": "cat", "PIP_PROGRESS_BAR": "off"}
TASK = """The repository is in {workspace}. Make the change described here:

{{{{problem_statement}}}}

When you are done, call the submit tool."""


def options(job: Job) -> list[str]:
    """As on its command line. In place, without Docker, with the tools that install nothing."""
    folder = Path(os.environ["HOME"]) / "swe_full"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(json.dumps(_config(job)), encoding="utf-8")
    (folder / "task.md").write_text(job.prompt, encoding="utf-8")
    model = {"name": f"openai/{job.model}", "per_instance_cost_limit": 0, "total_cost_limit": 0}
    repo = {"type": "preexisting", "repo_name": job.workspace.lstrip("/"), "reset": "false"}
    problem = {"type": "text_file", "path": folder / "task.md", "id": "run"}
    return [
        f"--config={folder / 'config.yaml'}",
        *(f"--agent.model.{name}={value}" for name, value in model.items()),
        "--env.deployment.type=local",
        *(f"--env.repo.{name}={value}" for name, value in repo.items()),
        *(f"--problem_statement.{name}={value}" for name, value in problem.items()),
        f"--output_dir={folder / 'out'}",
    ]


def _config(job: Job) -> dict[str, object]:
    templates = {
        "system_template": "You are a helpful assistant that can interact with a computer to solve tasks.",
        "instance_template": TASK.format(workspace=job.workspace),
        "next_step_template": "OBSERVATION:\n{{observation}}",
        "next_step_no_output_template": "Your command ran successfully and did not produce any output.",
    }
    tools = {
        "env_variables": PAGERS,
        "bundles": [{"path": "tools/submit"}],
        "enable_bash_tool": True,
        "parse_function": {"type": "function_calling"},
    }
    return {"agent": {"type": "default", "templates": templates, "tools": tools, "history_processors": []}}
