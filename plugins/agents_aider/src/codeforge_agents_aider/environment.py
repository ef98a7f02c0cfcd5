"""Aider's own environment: made once by uv from the hashed lock, beside the service's, never in it."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uv

from codeforge import Process, Say, Unavailable

VERSION = "0.86.2"
LOCK = Path(__file__).with_name("aider.lock")
PYTHONS = ((3, 10), (3, 12))
"""The oldest and the newest Python that Aider runs on."""
_KEPT = re.compile(r"PATH|HOME|TMPDIR|LANG|(UV|XDG|SSL|PYENV)_.*|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)
_TOLD = ("Resolved", "Downloading", "Prepared", "Installed", "Bytecode")
"""The lines of uv that are worth a person's time."""
_WARM = "from aider.coders import Coder; from aider.repo import GitRepo; import tiktoken"


class Environment:
    """Lives in ``home``/<digest of the lock>: another lock makes another environment and leaves running jobs theirs."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]

    @property
    def python(self) -> Path:
        return self._folder / "bin" / "python"

    def ready(self) -> bool:
        """Whether it was made to the end and its Python is still there."""
        return (self._folder / "ready").exists() and self.python.exists()

    async def make(self, say: Say) -> None:
        """Make it unless it is there. Raises `Unavailable` with what is missing."""
        if self.ready():
            return
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            async with _locked(self._home / "lock", say):
                if not self.ready():
                    await self._make(say)
        except OSError as error:
            raise Unavailable(f"Aider cannot be installed in {self._home}: {error.strerror or error}.") from None

    async def _make(self, say: Say) -> None:
        try:
            await self._fill(say)
        except BaseException:  # a cancellation too: half an environment only fills the disk
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True))
            raise

    async def _fill(self, say: Say) -> None:
        python = await self._find_python()
        say(f"Making an environment for Aider {VERSION} with {python}")
        await self._uv(say, "venv", "--clear", "--no-project", "--python", python, str(self._folder))
        say("Fetching Aider's packages, about 200 MB the first time")
        options = "--require-hashes", "--no-build", "--compile-bytecode"
        await self._uv(say, "pip", "install", "--python", str(self.python), *options, "-r", str(LOCK))
        say("Starting Aider once, so that the first run is quick")
        await self._run(say, str(self.python), "-I", "-c", _WARM)
        (self._folder / "ready").write_text(VERSION + "\n", encoding="utf-8")
        say(f"Aider {VERSION} is ready")

    async def _uv(self, say: Say, *arguments: str) -> None:
        await self._run(say, uv.find_uv_bin(), *arguments)

    async def _run(self, say: Say, *command: str) -> str:
        """Run one step; gives its standard output. Raises `Unavailable` with the step's own last words."""
        output: list[str] = []
        errors: list[str] = []
        async with Process(command, cwd=self._home, env=_env()) as process:
            async for stream, line in process.lines():
                (output if stream == "stdout" else errors).append(line)
                if line.strip().startswith(_TOLD):
                    say(line.strip())
            code = await process.wait()
        if code:
            raise Unavailable(
                f"Aider could not be installed: {_why(errors) or f'{command[0]} ended with exit code {code}'}. "
                "Check the network and the free disk space, then run `codeforge agents install aider` again."
            )
        return "\n".join(output)

    async def _find_python(self) -> str:
        """This Python if Aider runs on it, else one that uv or pyenv knows; none is ever downloaded."""
        oldest, newest = PYTHONS
        if oldest <= sys.version_info[:2] <= newest:
            return sys.executable
        wanted = f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
        try:
            return (await self._run(lambda _: None, uv.find_uv_bin(), "python", "find", "--system", wanted)).strip()
        except Unavailable:
            if python := _pyenv_python():
                return python
        raise Unavailable(
            f"Aider needs Python 3.{oldest[1]} to 3.{newest[1]} and none was found: install one (this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}), put it on PATH, then run `codeforge agents install aider`."
        )


def _pyenv_python() -> str | None:
    """The newest fitting Python that pyenv has, on PATH or not."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    minors = range(PYTHONS[1][1], PYTHONS[0][1] - 1, -1)
    return next((str(path) for minor in minors for path in root.glob(f"versions/3.{minor}.*/bin/python")), None)


def _env() -> dict[str, str]:
    """What uv may know of this machine: paths, proxies and its own settings, no keys of anybody."""
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CONFIG": kept.get("UV_NO_CONFIG", "0"), "NO_COLOR": "1"}


def _why(lines: list[str]) -> str:
    """uv's complaint in one line: what it could not do, and the deepest cause, without an index's password."""
    error = next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "")
    cause = next((line for line in reversed(lines) if line.strip().startswith("cause:")), "")
    said = [error.removeprefix("error:").strip(), cause.partition("cause:")[2].rpartition(": ")[2].strip()]
    told = re.sub(r"//[^/@\s]*@", "//", ": ".join(filter(None, said)))
    return re.sub(r" \(os error \d+\)", "", told).rstrip(".")[:400]


@asynccontextmanager
async def _locked(path: Path, say: Say) -> AsyncIterator[None]:
    """Hold ``path`` against other processes; waiting can be cancelled."""
    with path.open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    say("Another process is installing Aider: waiting for it")
                told = True
                await asyncio.sleep(0.2)
        yield
