"""The agent's tools: a terminal of our own in place of the SDK's, and its editor, which takes relative paths, too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from openhands.sdk.llm import TextContent
from openhands.sdk.tool import (
    Action,
    DeclaredResources,
    Observation,
    ToolAnnotations,
    ToolDefinition,
    ToolExecutor,
    register_tool,
)
from openhands.tools.file_editor.definition import FileEditorTool
from openhands.tools.file_editor.impl import FileEditorExecutor
from pydantic import Field

from .quiet import ENVIRONMENT
from .shell import Shell

SECONDS = 600.0
"""How long a command may take that names no time."""
DESCRIPTION = """Run a shell command (bash) and wait for its end.

* The working directory, exported variables and shell functions carry over to the next command; nothing else does.
* Standard input is empty: a command cannot ask anything. Give its answers as options or by a pipe.
* A command is ended after `timeout` seconds (600 if you give none). Run what has to go on, such as a server, in the
  background with its output in a file: `python3 app.py > /tmp/app.log 2>&1 &`.
* Of long output you see the beginning and the end: send it to a file if you need more of it.
* The exit code that you are told is the command's own.
"""


class CommandAction(Action):  # type: ignore[misc]
    """What the model asks for."""

    command: str = Field(description="The shell command to run; several lines are fine.")
    timeout: float | None = Field(default=None, gt=0, description="Seconds after which the command is ended.")
    is_input: bool = Field(default=False, description="Not supported: leave it out.")
    reset: bool = Field(default=False, description="Forget the working directory, variables and functions first.")


class CommandObservation(Observation):  # type: ignore[misc]
    """What came of it; ``exit_code`` is None when the command was cut off."""

    command: str
    exit_code: int | None = None


class CommandExecutor(ToolExecutor):  # type: ignore[misc]
    def __init__(self, workspace: str) -> None:
        env = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
        self._shell = Shell(workspace, Path(tempfile.mkdtemp(prefix="shell-")), env)

    def __call__(self, action: CommandAction, conversation: Any = None) -> Any:
        if action.is_input:
            words = "Commands take no input here. Run the command again with its answers as options or by a pipe."
            return CommandObservation.from_text(words, is_error=True, command=action.command)
        if action.reset:
            self._shell.reset()
        ran = self._shell.run(action.command, action.timeout or SECONDS)
        end = f"[The command was {ran.note}.]" if ran.note else f"[Exit code {ran.exit}]"
        text = f"{ran.output.rstrip()}\n[Working directory: {ran.folder}]\n{end}".lstrip()
        return CommandObservation.from_text(text, command=action.command, exit_code=ran.exit)

    def interrupt(self) -> None:
        self._shell.interrupt()


class CommandTool(ToolDefinition):  # type: ignore[misc]
    name: ClassVar[str] = "terminal"

    def declared_resources(self, action: Action) -> DeclaredResources:
        return DeclaredResources(keys=("terminal:session",), declared=True)

    @classmethod
    def create(cls, conv_state: Any, **_: Any) -> Sequence[CommandTool]:
        told = ToolAnnotations(title="terminal", readOnlyHint=False, destructiveHint=True, openWorldHint=True)
        executor = CommandExecutor(conv_state.workspace.working_dir)
        return [
            cls(
                action_type=CommandAction, observation_type=CommandObservation, description=DESCRIPTION,
                annotations=told, executor=executor,
            )
        ]  # fmt: skip


class Editor(FileEditorExecutor):  # type: ignore[misc]
    """Relative paths count from the workspace, and folders are made: the SDK's own refuses, which costs a call."""

    def __call__(self, action: Any, conversation: Any = None) -> Any:
        path = str(Path(self.editor._cwd) / action.path)
        if action.command == "create":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        seen = super().__call__(action.model_copy(update={"path": path}), conversation)
        return seen.model_copy(update={"content": [_readable(part) for part in seen.content]})


def _readable(part: Any) -> Any:
    """Names of files need not be UTF-8; what is stored and sent must be."""
    if not isinstance(part, TextContent):
        return part
    return part.model_copy(update={"text": part.text.encode(errors="surrogateescape").decode(errors="replace")})


class EditorTool(FileEditorTool):  # type: ignore[misc]
    name: ClassVar[str] = "file_editor"

    @classmethod
    def create(cls, conv_state: Any) -> Sequence[EditorTool]:
        (tool,) = super().create(conv_state)
        return [tool.model_copy(update={"executor": Editor(workspace_root=conv_state.workspace.working_dir)})]


def register() -> None:
    """Let the SDK find them by their names."""
    register_tool("terminal", CommandTool)
    register_tool("file_editor", EditorTool)
