"""From what an agent tells of its session to events: words by lines, tools by what they did."""

from __future__ import annotations

import shlex
from typing import Any

from codeforge import edited, log, ran, said, thought
from codeforge_agents_acp.files import Files
from codeforge_agents_acp.outbox import Outbox

LONGEST = 4000
"""Characters of a line, and of a tool's output, that are told at once."""
MOST_TOOLS = 10_000
_SPEAKS = {"agent_message_chunk": said, "agent_thought_chunk": thought}
_OVER = ("completed", "failed")
_EDITS = frozenset({"edit", "delete", "move"})
_MARKS = {"completed": "x", "in_progress": ">"}
Update = dict[str, Any]


class Updates:
    """Of one turn. It takes any message, also of protocols to come: what it does not know it passes over."""

    def __init__(self, files: Files, outbox: Outbox) -> None:
        self._files, self._outbox = files, outbox
        self._speaks, self._rest = "", ""
        self._tools: dict[str, Update] = {}
        self._told: set[str] = set()
        self._words: list[str] = []
        self.heard = 0
        """How many updates there were."""

    @property
    def words(self) -> str:
        """All that the agent said."""
        return "".join(self._words)

    def take(self, update: Update) -> None:
        """One update of the session."""
        self.heard += 1
        kind = update.get("sessionUpdate")
        if kind in _SPEAKS:
            self._speak(str(kind), _text(update.get("content")))
            return
        self.flush()
        if kind in ("tool_call", "tool_call_update"):
            self._tool(update)
        elif kind == "plan":
            for entry in _dicts(update.get("entries")):
                self._outbox.put(log(f"[{_MARKS.get(entry.get('status', ''), ' ')}] {entry.get('content', '')}"))

    def flush(self) -> None:
        """Tell the line that has begun."""
        if self._rest.strip():
            self._outbox.put(_SPEAKS[self._speaks](self._rest))
        self._rest = ""

    def edited(self, path: str) -> None:
        """A file was written through CodeForge; the tool that did it need not say so once more."""
        self.flush()
        self._told.add(path)
        self._outbox.put(edited(path))

    def log(self, words: str) -> None:
        """Something of the session that is the agent's neither to say nor to do."""
        self.flush()
        self._outbox.put(log(words))

    def known(self, tool: Update) -> Update:
        """A tool call with all that was told of it before."""
        return {**self._tools.get(str(tool.get("toolCallId")), {}), **_present(tool)}

    def _speak(self, kind: str, text: str) -> None:
        if kind != self._speaks:
            self.flush()
            self._speaks = kind
        if kind == "agent_message_chunk":
            self._words.append(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self._outbox.put(_SPEAKS[kind](line.rstrip("\r")))
        if len(self._rest) > LONGEST:
            self.flush()

    def _tool(self, update: Update) -> None:
        tool_id = str(update.get("toolCallId"))
        before, tool = self._tools.get(tool_id), self.known(update)
        if before and before.get("status") in _OVER:
            if update.get("sessionUpdate") != "tool_call":
                return
            before, tool = None, _present(update)  # some agents use an id again
        if len(self._tools) < MOST_TOOLS:
            self._tools[tool_id] = tool
        if tool.get("status") in _OVER:
            self._did(tool)
        elif before is None and tool.get("kind") not in ("execute", *_EDITS):
            self._outbox.put(log(self._files.shown(title(tool))))

    def _did(self, tool: Update) -> None:
        well, kind = tool["status"] == "completed", tool.get("kind")
        if kind == "execute":
            for line in _shortened(output(tool)).splitlines():
                self._outbox.put(log(line))
            self._outbox.put(ran(command(tool), _exit(tool)))
        elif kind in _EDITS and well:
            paths = set(filter(None, map(self._files.relative, _paths(tool))))
            for path in sorted(paths - self._told):
                self._outbox.put(edited(path))
            self._told -= paths
        if not well and kind != "execute":
            told = self._files.shown(f"{title(tool)} failed: {_shortened(output(tool))}")
            self._outbox.put(log(told, "stderr"))


def title(tool: Update) -> str:
    """A tool call in a few words."""
    return str(tool.get("title") or tool.get("kind") or "a tool").strip()[:LONGEST]


def command(tool: Update) -> str:
    """The command that a tool runs; its title where it tells no command."""
    given = tool.get("rawInput")
    told = given.get("command") or given.get("cmd") if isinstance(given, dict) else None
    if isinstance(told, list):
        told = shlex.join(map(str, told))
    return str(told or title(tool))[:LONGEST]


def output(tool: Update) -> str:
    """What a tool gave, as far as it is text."""
    texts = [_text(piece.get("content")) for piece in _dicts(tool.get("content")) if piece.get("type") == "content"]
    given = tool.get("rawOutput")
    if not any(texts) and isinstance(given, dict):
        texts = [str(given.get("output") or given.get("error") or "")]
    return "\n".join(filter(None, texts))


def _exit(tool: Update) -> int:
    """The exit code where the agent tells it, else 0 for a tool that is completed and 1 for one that failed."""
    given = tool.get("rawOutput")
    inner = given.get("metadata") if isinstance(given, dict) else None
    for told in (given, inner):
        if isinstance(told, dict):
            for name in ("exit_code", "exitCode", "exit"):
                if isinstance(told.get(name), int):
                    return int(told[name])
    return 0 if tool["status"] == "completed" else 1


def _paths(tool: Update) -> list[str]:
    given = tool.get("rawInput")
    named = [given.get(name) for name in ("filePath", "file_path", "path")] if isinstance(given, dict) else []
    named += [piece.get("path") for piece in _dicts(tool.get("content")) if piece.get("type") == "diff"]
    named += [place.get("path") for place in _dicts(tool.get("locations"))]
    return [path for path in named if isinstance(path, str) and path]


def _present(update: Update) -> Update:
    return {name: value for name, value in update.items() if value not in (None, "", [], {})}


def _text(content: object) -> str:
    return str(content.get("text") or "") if isinstance(content, dict) else ""


def _dicts(value: object) -> list[Update]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}\n[... {len(text) - LONGEST:,} characters ...]\n{text[-LONGEST // 2 :]}"
