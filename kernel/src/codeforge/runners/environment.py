"""An agent's own environment: made once by uv from a hashed lock, beside the service's, never in it."""

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
from dataclasses import dataclass
from pathlib import Path

from codeforge.agents import Say
from codeforge.errors import Unavailable
from codeforge.process import Process

_KEPT = re.compile(r"PATH|HOME|TMPDIR|LANG|(UV|XDG|SSL|PYENV)_.*|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)
_TOLD = ("Resolved", "Downloading", "Prepared", "Installed", "Bytecode")
"""The lines of uv that are worth a person's time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What an environment is made of.

    ``name`` is the agent's, as in commands, ``title`` as people write it. ``lock`` is a file of all packages, pinned
    and hashed. ``pythons`` are the oldest and the newest Python that it runs on. ``fetched`` says how much is fetched
    the first time, such as "200 MB". ``warm`` is a statement that imports all that a run does.
    """

    name: str
    title: str
    version: str
    lock: Path
    pythons: tuple[tuple[int, int], tuple[int, int]]
    fetched: str
    warm: str

    @property
    def install(self) -> str:
        """The command that makes it."""
        return f"codeforge agents install {self.name}"


class Environment:
    """Lives in ``home``/<digest of the lock>: another lock makes another environment and leaves running jobs theirs."""

    def __init__(self, home: Path, recipe: Recipe) -> None:
        self._home, self._recipe = home, recipe
        self.folder = home / hashlib.sha256(recipe.lock.read_bytes()).hexdigest()[:16]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def ready(self) -> bool:
        """Whether it was made to the end and its Python is still there."""
        return (self.folder / "ready").exists() and self.python.exists()

    async def make(self, say: Say) -> None:
        """Make it unless it is there. Raises `Unavailable` with what is missing."""
        if self.ready():
            return
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            async with one_installer(self._home / "lock", self._recipe.title, say):
                if not self.ready():
                    await self._make(say)
        except OSError as error:
            raise Unavailable(
                f"{self._recipe.title} cannot be installed in {self._home}: {error.strerror or error}."
            ) from None

    async def _make(self, say: Say) -> None:
        try:
            await self._fill(say)
        except BaseException:  # a cancellation too: half an environment only fills the disk
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True))
            raise

    async def _fill(self, say: Say) -> None:
        recipe, python = self._recipe, await self._find_python()
        say(f"Making an environment for {recipe.title} {recipe.version} with {python}")
        await self._uv(say, "venv", "--clear", "--no-project", "--python", python, str(self.folder))
        say(f"Fetching the packages of {recipe.title}, about {recipe.fetched} the first time")
        options = "--require-hashes", "--no-deps", "--no-build", "--compile-bytecode"
        await self._uv(say, "pip", "install", "--python", str(self.python), *options, "-r", str(recipe.lock))
        say(f"Starting {recipe.title} once, so that the first run is quick")
        await self._run(say, str(self.python), "-I", "-c", recipe.warm)
        (self.folder / "ready").write_text(recipe.version + "\n", encoding="utf-8")
        say(f"{recipe.title} {recipe.version} is ready")

    async def _uv(self, say: Say, *arguments: str) -> str:
        import uv

        return await self._run(say, uv.find_uv_bin(), *arguments)

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
                f"{self._recipe.title} could not be installed: "
                f"{_why(errors) or f'{command[0]} ended with exit code {code}'}. "
                f"Check the network and the free disk space, then run `{self._recipe.install}` again."
            )
        return "\n".join(output)

    async def _find_python(self) -> str:
        """This Python if the agent runs on it, else one that uv or pyenv knows; none is ever downloaded."""
        oldest, newest = self._recipe.pythons
        if oldest <= sys.version_info[:2] <= newest:
            return sys.executable
        wanted = f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
        try:
            return (await self._uv(lambda _: None, "python", "find", "--system", wanted)).strip()
        except Unavailable:
            if python := _pyenv_python(oldest[1], newest[1]):
                return python
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Unavailable(
            f"{self._recipe.title} needs Python 3.{oldest[1]} to 3.{newest[1]} and none was found: install one "
            f"(this is {here}), put it on PATH, then run `{self._recipe.install}`."
        )


def _pyenv_python(oldest: int, newest: int) -> str | None:
    """The newest fitting Python 3 that pyenv has, on PATH or not."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    minors = range(newest, oldest - 1, -1)
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
async def one_installer(path: Path, title: str, say: Say) -> AsyncIterator[None]:
    """Be the only one that installs ``title``, by a lock on the file ``path``; waiting can be cancelled.

    Raises `OSError` where the file cannot be written.
    """
    with path.open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    say(f"{title} is being installed already: waiting for it")
                told = True
                await asyncio.sleep(0.2)
        yield
