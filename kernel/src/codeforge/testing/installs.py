"""What an agent with an environment of its own does when it is installed: subclass `InstallContract`."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from codeforge.errors import RunFailure, Unavailable
from codeforge.model import Reason
from codeforge.runners import RunnerAgent
from codeforge.testing.desk import Desk
from codeforge.testing.folders import agents_dir


def installed(kind: type[RunnerAgent]) -> Path:
    """The ``home`` that it is installed in: once for all sessions and all workers, which wait for one another."""
    folder = agents_dir() / kind.recipe.name
    asyncio.run(kind(home=folder).install(print))
    return folder


class InstallContract:
    """``kind`` is the back end's class, ``package`` what its lock calls the agent, ``version`` the one that it pins.

    A fixture ``home`` gives the folder that it is `installed` in. See also `made_whole`.
    """

    kind: ClassVar[type[RunnerAgent]]
    package: ClassVar[str]
    version: ClassVar[str]

    async def test_an_agent_that_is_not_installed_says_how_to_install_it(self, tmp_path: Path) -> None:
        agent = self.kind(home=tmp_path / "agents")
        health = await agent.check()
        command = f"codeforge agents install {agent.name}"
        assert (health.ok, health.fix) == (False, command)
        desk = Desk(tmp_path, "http://127.0.0.1:1/v1")
        with pytest.raises(RunFailure, match=command) as caught:
            await desk.run(agent, desk.job())
        assert caught.value.reason == Reason.PLUGIN_MISSING

    async def test_installing_again_is_done_at_once(self, home: Path) -> None:
        before = time.perf_counter()
        await self.kind(home=home).install(print)
        assert time.perf_counter() - before < 0.05
        health = await self.kind(home=home).check()
        assert (health.ok, health.version) == (True, self.version)

    @pytest.mark.usefixtures("home")  # without a Python for it there is nothing to install
    async def test_without_a_network_the_installation_says_what_is_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_OFFLINE", "1")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
        agent = self.kind(home=tmp_path / "agents")
        said = rf"^{re.escape(agent.title)} could not be installed: .* Check the network .*\.$"
        with pytest.raises(Unavailable, match=said) as caught:
            await agent.install(print)
        assert "\n" not in str(caught.value)
        assert not (await agent.check()).ok

    async def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        folder = tmp_path / "file" / "agents"
        with pytest.raises(Unavailable, match=re.escape(str(folder))):
            await self.kind(home=folder).install(print)

    async def test_without_a_fitting_python_the_installation_says_which_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(self.kind, "recipe", replace(self.kind.recipe, pythons=((3, 1), (3, 2))))
        said = rf"{re.escape(self.kind.recipe.title)} needs Python 3\.1 to 3\.2 and none was found"
        with pytest.raises(Unavailable, match=said):
            await self.kind(home=tmp_path).install(print)

    @pytest.mark.usefixtures("home")
    async def test_a_cancelled_installation_is_not_taken_for_a_whole_one(self, tmp_path: Path) -> None:
        await _cut_off(self.kind(home=tmp_path))

    def test_every_package_of_the_lock_is_pinned_by_hash_and_none_by_address(self) -> None:
        lock = self.kind.recipe.lock.read_text(encoding="utf-8")
        assert f"{self.package}=={self.version} \\\n" in lock
        assert "://" not in lock
        pinned = re.findall(r"^[\w.-]+==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[^\s]", lock, re.MULTILINE))


async def made_whole(kind: type[RunnerAgent], folder: Path) -> None:
    """Install it in ``folder`` with every mishap on the way: it takes minutes, and the packages are fetched.

    It is cut off, taken up again by two at once, loses its Python, and is repaired. Raises `AssertionError`.
    """
    agent, lines = kind(home=folder), list[str]()
    await _cut_off(agent)
    await asyncio.gather(*(kind(home=folder).install(lines.append) for _ in range(2)))
    assert (await agent.check()).ok
    assert len([line for line in lines if line.startswith("Making")]) == 1
    assert f"{agent.title} is being installed already: waiting for it" in lines
    [ready] = folder.glob("*/ready")
    (ready.parent / "bin" / "python").unlink()
    assert not (await agent.check()).ok
    await agent.install(lines.append)
    assert (await agent.check()).ok


async def _cut_off(agent: RunnerAgent) -> None:
    """Cancel its installation while packages are fetched."""
    fetching = asyncio.Event()
    installing = asyncio.create_task(agent.install(lambda line: fetching.set() if "Fetching" in line else None))
    told = asyncio.create_task(fetching.wait())
    await asyncio.wait([installing, told], return_when=asyncio.FIRST_COMPLETED)
    installing.cancel()
    told.cancel()
    with pytest.raises(asyncio.CancelledError):
        await installing
    assert not (await agent.check()).ok
