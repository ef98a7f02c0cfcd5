"""Agents that are packages of npm: installed from a committed lock into a folder of their own, without scripts."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from codeforge import Process, Say, Unavailable, one_installer

_KEPT = re.compile(r"PATH|HOME|TMPDIR|LANG|(NPM_CONFIG|XDG|SSL|NODE_EXTRA)_.*|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)
_FILES = ("package.json", "package-lock.json", ".npmrc")


@dataclass(frozen=True, kw_only=True, slots=True)
class NodePackage:
    """``folder`` holds a package.json with exactly one dependency, pinned, and its lock; ``fetched`` is told people.

    ``program`` is the executable, below ``node_modules``; ``proof`` are the words with which it must end well.
    """

    name: str
    title: str
    folder: Path
    program: str
    proof: tuple[str, ...] = ("--version",)
    fetched: str

    @property
    def version(self) -> str:
        """The pinned version."""
        told = json.loads((self.folder / "package.json").read_text(encoding="utf-8"))
        return str(next(iter(told["dependencies"].values())))

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"codeforge agents install {self.name}"

    def place(self, home: Path) -> Path:
        """Where it is below ``home``: another lock makes another folder and leaves running jobs theirs."""
        lock = (self.folder / "package-lock.json").read_bytes()
        return home / self.name / hashlib.sha256(lock).hexdigest()[:16]

    def executable(self, home: Path) -> Path:
        """The program, which is there once it is ready."""
        return self.place(home) / "node_modules" / self.program

    def ready(self, home: Path) -> bool:
        """Whether it was installed to the end."""
        return (self.place(home) / "ready").exists()

    async def make(self, home: Path, say: Say) -> None:
        """Install it unless it is there. Raises `Unavailable` with what is missing."""
        if self.ready(home):
            return
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable(f"{self.title} needs npm, which is not here: install Node.js, then `{self.install}`.")
        place = self.place(home)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            async with one_installer(place.parent / "lock", self.title, say):
                if not self.ready(home):
                    await self._make(npm, place, say)
        except OSError as error:
            raise Unavailable(f"{self.title} cannot be installed in {place}: {error.strerror or error}.") from None

    async def _make(self, npm: str, place: Path, say: Say) -> None:
        """Fill a folder beside ``place`` and move it there; what is half made goes, that of a killed process too."""
        fresh = place.with_name(f"{place.name}.new")
        try:
            for old in (place, *place.parent.glob("*.new")):
                await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)
            fresh.mkdir()
            for name in _FILES:
                shutil.copyfile(self.folder / name, fresh / name)
            say(f"Fetching {self.title} {self.version}, about {self.fetched}")
            options = "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"
            await self._run(npm, "ci", *options, folder=fresh)
            say(f"Starting {self.title} once")
            await self._run(str(fresh / "node_modules" / self.program), *self.proof, folder=fresh)
            (fresh / "ready").write_text(f"{self.version}\n", encoding="utf-8")
            fresh.rename(place)
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True))
        say(f"{self.title} {self.version} is ready")

    async def _run(self, *command: str, folder: Path) -> None:
        """One step. Raises `Unavailable` with the step's own words."""
        env = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
        said: list[str] = []
        async with Process(command, cwd=folder, env=env) as process:
            async for _, line in process.lines():
                said = [*said[-50:], line]
            code = await process.wait()
        if code:
            why = next(filter(None, map(_reason, said)), f"{command[0]} ended with exit code {code}")
            why = re.sub(r"//[^/@\s]*@", "//", why)[:400]  # an address may hold a password
            raise Unavailable(
                f"{self.title} could not be installed: {why}. "
                f"Check the network and the free disk space, then run `{self.install}` again."
            )


def _reason(line: str) -> str:
    """What a line says of why; empty where it says only that there is an error."""
    told = line.strip().removeprefix("npm error").strip()
    return "" if re.fullmatch(r"(code|errno|syscall|path)\b.*", told) else told.rstrip(".")
