"""A terminal for tests: `codeforge` as a real process, on a data folder of its own, with a scripted plugin alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from codeforge.cli.api import Api

WORLD = Path(__file__).with_name("scripted_world")
PATIENCE = 60.0


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until ``what()`` is true; gives it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Started:
    """A command that runs; its outputs go to files, so that they can be read meanwhile."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def says(self, text: str) -> None:
        until(lambda: text in self.out + self.err or self._over())
        assert text in self.out + self.err, f"ended with {self.process.returncode}: {self.out} {self.err}"

    def _over(self) -> bool:
        return self.process.poll() is not None

    def interrupt(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def end(self) -> Done:
        return Done(self.process.wait(PATIENCE), self.out, self.err)


@dataclass(frozen=True)
class Terminal:
    folder: Path
    env: dict[str, str]

    until = staticmethod(until)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def __call__(self, *words: str, code: int = 0, stdin: str = "", **env: str) -> Done:
        """Call `codeforge` and hold it to its exit code; no traceback is ever shown."""
        command = [sys.executable, "-m", "codeforge", *words]
        done = subprocess.run(
            command,
            env=self.env | env,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def start(self, *words: str, **env: str) -> Iterator[Started]:
        name = f"{time.monotonic_ns()}"
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with out.open("wb") as o, err.open("wb") as e:
            process = subprocess.Popen(
                [sys.executable, "-m", "codeforge", *words],
                env=self.env | env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=o,
                stderr=e,
                preexec_fn=_hear_interrupts,  # noqa: PLW1509 - no thread of ours is about
            )
        try:
            yield Started(process, out, err)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    @contextmanager
    def up(self, *words: str, **env: str) -> Iterator[Started]:
        """`codeforge up` on a free port, once it is ready."""
        with self.start(*(words or ("up",)), "--port", "0", **env) as started:
            started.says("/signin?token=")
            yield started

    def api(self) -> Api:
        """The API of the server that runs."""
        url = json.loads((self.data / "server.json").read_text())["url"]
        return Api(url, (self.data / "cli-token").read_text())

    def reaches(self, run: str, state: str) -> None:
        """Wait until the run is in that state."""
        api = self.api()
        self.until(lambda: api.get(f"/runs/{run}")["state"] == state)

    def repository(self, name: str = "repo") -> Path:
        path = self.folder / name
        path.mkdir()
        (path / "branch").write_text("main\n")
        return path


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test run in the background has it ignored


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of this test session keep compiled modules, which makes them start in half the time."""
    root = tmp_path_factory.getbasetemp()
    return (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "compiled"


@pytest.fixture
def codeforge(tmp_path: Path, compiled: Path) -> Terminal:
    others = {entry.name for entry in entry_points(group="codeforge")} - {"scripted"}
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env = {
        **kept,
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(WORLD),
        "PYTHONWARNINGS": "error",
        "PYTHONPYCACHEPREFIX": str(compiled),
        "CODEFORGE_DATA_DIR": str(tmp_path / "data"),
        "CODEFORGE_DISABLED_PLUGINS": ",".join(sorted(others)),
        "CODEFORGE_DEFAULT_AGENT": "scripted",
        "CODEFORGE_SANDBOX": "none",
    }
    return Terminal(tmp_path, env)
