"""The agent offer: the full SWE-agent, where a user has installed it, by its own Python and in a mount of its own."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from pathlib import Path

from codeforge import AgentJob, DrivenAgent, Health, Reason, RunFailure, Say, Unavailable

HERE = Path(__file__).parent
VARIABLE = "SWEAGENT"
FIX = f"Install SWE-agent 1 or newer as its documentation says, and set {VARIABLE} to its command `sweagent`."
PRIVATE = """
fake=$1; shift
for entry in /root/* /root/.[!.]*; do
  name=${entry##*/}
  case $name in tools|state.json|.swe-agent-env|model.patch) continue ;; esac
  [ -e "$entry" ] || continue
  if [ -d "$entry" ]; then mkdir -p "$fake/$name"; else : > "$fake/$name"; fi
  mount --rbind "$entry" "$fake/$name" || exit 126
done
mount --rbind "$fake" /root || exit 126
exec "$@"
"""
"""SWE-agent writes to fixed paths in /root: these each run has for itself, the rest stays what it is."""
_ASK = "import importlib.metadata as m; print(m.version('sweagent'))"


class FullSwe(DrivenAgent):
    """``command`` is the user's ``sweagent``."""

    name = "swe_full"
    title = "SWE-agent"
    runner = HERE / "runner" / "swe_full_job"

    def __init__(self, *, command: Path, grace: float = 1.0) -> None:
        super().__init__(grace=grace)
        self._command = command

    async def check(self) -> Health:
        """Asks the command's Python for the version of what it has, and the system for a private mount."""
        try:
            version = await asyncio.to_thread(self._version)
        except Unavailable as error:
            return Health(name=self.name, ok=False, detail=str(error), fix=FIX)
        return Health(name=self.name, ok=True, detail=f"SWE-agent {version} is at {self._command}.", version=version)

    async def install(self, say: Say) -> None:
        """Raises `Unavailable` unless a user has done it: no package index has SWE-agent."""
        await asyncio.to_thread(self._version)

    async def launcher(self, job: AgentJob) -> list[str]:
        try:
            await asyncio.to_thread(self._version)
        except Unavailable as error:
            raise RunFailure(Reason.PLUGIN_MISSING, f"{error} {FIX}") from None
        job.home.mkdir(parents=True, exist_ok=True)
        fake = tempfile.mkdtemp(prefix="root-", dir=job.home)
        return [*_unshare(), "sh", "-c", PRIVATE, "sh", fake, str(self._python()), "-I", "-X", "utf8"]

    def _python(self) -> Path:
        """The Python in the command's first lines. Raises `Unavailable`."""
        try:
            with self._command.open("rb") as file:
                begin = file.read(1024).decode(errors="replace")
        except OSError as error:
            raise Unavailable(f"{VARIABLE} is {self._command}: {error.strerror}.") from None
        found = re.match(r"#!(/\S*python[\d.]*)\s|#!/bin/sh\n'''exec' \"?(/[^\"\n]*?python[\d.]*)\"? ", begin)
        if not found:
            raise Unavailable(f"{VARIABLE} is {self._command}, which does not say which Python runs it.")
        return Path(found[1] or found[2])

    def _version(self) -> str:
        """The version of SWE-agent. Raises `Unavailable` with what is missing."""
        asked = _run([str(self._python()), "-I", "-c", _ASK])
        version = asked.stdout.strip()
        if asked.returncode or not version:
            raise Unavailable(f"The Python of {self._command} has no SWE-agent.")
        if version.startswith("0."):  # what the package index has by this name runs nothing
            raise Unavailable(f"The Python of {self._command} has SWE-agent {version}, which is too old.")
        if _run([*_unshare(), "true"]).returncode:
            raise Unavailable("SWE-agent writes to fixed paths in /root, and this system gives no private mount.")
        return version


def _unshare() -> list[str]:
    return ["unshare", "-m" if os.geteuid() == 0 else "-Urm", "--"]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=20, env={"PATH": os.defpath}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
