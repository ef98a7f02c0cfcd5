"""Stands in for a SWE-agent that a user has installed: its names, its order of events, its fixed paths.

It is written after SWE-agent 1.1.0's source, as far as the runner touches that; it proves nothing about SWE-agent.
"""

from __future__ import annotations

import sys
import venv
from pathlib import Path

FILES = {
    "litellm/__init__.py": """
def completion(**_):
    raise AssertionError("a model was called past the gateway")
""",
    "sweagent/__init__.py": '__version__ = "1.1.0"\n',
    "sweagent/agent/hooks/abstract.py": """
class AbstractAgentHook:
    def on_action_started(self, *, step): ...
    def on_action_executed(self, *, step): ...
    def on_run_done(self, *, trajectory, info): ...
""",
    "sweagent/run/common.py": """
import json
class BasicCLI:
    def __init__(self, config_type): ...
    def get_config(self, args):
        config = dict(arg.removeprefix("--").split("=", 1) for arg in args)
        return {**config, **json.load(open(config["config"]))}
""",
    "sweagent/run/run_single.py": """
import json, subprocess, time
from pathlib import Path
from types import SimpleNamespace
import litellm
class RunSingleConfig: ...
class Agent:
    def __init__(self): self.hooks = []
    def add_hook(self, hook): self.hooks.append(hook)
class RunSingle:
    @classmethod
    def from_config(cls, config):
        self = cls()
        self.config, self.agent = config, Agent()
        return self
    def run(self):
        Path("/root/tools/submit").mkdir(parents=True)
        Path("/root/state.json").write_text("{}")
        task = open(self.config["problem_statement.path"]).read()
        template = self.config["agent"]["templates"]["instance_template"]
        self.history = [{"role": "user", "content": template.replace("{{problem_statement}}", task)}]
        status, fails = "", 0
        while not status:
            message = self.query()
            calls = [call.to_dict() for call in message.tool_calls or []]
            name = calls[0]["function"]["name"] if len(calls) == 1 else ""
            if name not in ("bash", "submit"):
                fails += 1
                self.history.append({"role": "user", "content": "no"})
                status = "submitted (exit_format)" if fails == 3 else ""
                continue
            self.history.append({"role": "assistant", "content": message.content, "tool_calls": calls})
            action = "submit" if name == "submit" else json.loads(calls[0]["function"]["arguments"])["command"]
            step = SimpleNamespace(action=action, observation="")
            for hook in self.agent.hooks: hook.on_action_started(step=step)
            if name == "submit":
                Path("/root/model.patch").write_text("diff")
                status = "submitted"
            else:
                step.observation = subprocess.run(["bash", "-c", action], capture_output=True, text=True).stdout
            for hook in self.agent.hooks: hook.on_action_executed(step=step)
            self.history.append({"role": "tool", "content": step.observation, "tool_call_id": calls[0]["id"]})
        for hook in self.agent.hooks: hook.on_run_done(trajectory=[], info={"exit_status": status})
    def query(self):
        for attempt in range(20):
            try:
                answer = litellm.completion(model="openai/m", messages=self.history, tools=[{}], api_key=None, n=1)
                return answer.choices[0].message
            except BaseException: time.sleep(0.05)
""",
}


def install(folder: Path, version: str = "1.1.0") -> Path:
    """Make it in ``folder``; gives its command."""
    venv.create(folder, symlinks=True)
    packages = folder / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    for name, text in {
        **FILES,
        f"sweagent-{version}.dist-info/METADATA": f"Name: sweagent\nVersion: {version}\n",
    }.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = folder / "bin" / "sweagent"
    command.write_text(f"#!{folder}/bin/python\nimport sweagent\n")
    command.chmod(0o755)
    return command
