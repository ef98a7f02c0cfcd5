"""A private PostgreSQL server for tests: own folder, own port, and it can be killed and started again."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from codeforge.errors import Unavailable
from codeforge.testing.kept import Kept, wait
from codeforge.testing.ports import free_port

_USER = "codeforge"
_INITDB = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=icu",
    "--icu-locale=en-US",
    "--no-sync",
)
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 16MB
max_connections = 200
max_wal_size = 256MB
fsync = on
"""


class PrivatePostgres:
    """``with PrivatePostgres() as postgres: connect(postgres.new_database())``; a start takes 2 seconds.

    The server runs below a shim (see ``_shim.py``): it dies with this process, however that ends. Its databases
    sort text by the rules of English, as those of many installations do. ``settings`` are further lines of
    postgresql.conf. Raises `Unavailable` when PostgreSQL is not installed.
    """

    def __init__(self, *, settings: str = "") -> None:
        self._bin = _home()
        self._settings = settings
        self._password = secrets.token_hex(8)
        self.port = free_port()
        self._server: Kept | None = None

    @property
    def url(self) -> str:
        """The address of the server's first database."""
        return self._url("postgres")

    def _url(self, database: str) -> str:
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> PrivatePostgres:
        self.folder = Path(tempfile.mkdtemp(prefix="codeforge-postgres-"))
        try:
            self._prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        data, secret = self.folder / "data", self.folder / "password"
        secret.write_text(self._password)
        if os.getuid() == 0:  # the server refuses to run as root
            for path in (self.folder, secret):
                shutil.chown(path, "postgres", "postgres")
        made = subprocess.run(
            self._as_nobody("initdb", "-D", str(data), "-U", _USER, f"--pwfile={secret}", *_INITDB),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise Unavailable(f"The private PostgreSQL server could not be made; it said: {made.stderr[-2000:]}")
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{_SETTINGS}port = {self.port}\n{self._settings}\n")

    def _as_nobody(self, command: str, *arguments: str) -> list[str]:
        drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        return [*drop, str(self._bin / command), *arguments]

    @property
    def pid(self) -> int:
        """The process id of the server, the parent of all its processes."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    @property
    def running(self) -> bool:
        """Whether the server is up."""
        return self._server is not None and self._server.process.poll() is None

    def start(self) -> None:
        """Start the server on its folder, with what it kept; returns when it takes connections."""
        self._server = Kept(
            self._as_nobody("postgres", "-D", str(self.folder / "data")), dict(os.environ), self.folder, grace=2
        )
        wait(self._answers, self._server, seconds=60, what="PostgreSQL server")

    def _answers(self) -> bool:
        command = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        """Shut the server down in order; its connections are closed."""
        if self._server and self.running:
            os.kill(self.pid, signal.SIGINT)
            self._server.process.wait(30)
        if self._server:
            self._server.stop()

    def kill(self) -> None:
        """End the server and all its processes as a crash of the machine does."""
        assert self._server
        os.kill(self.pid, signal.SIGKILL)
        self._server.stop()

    def restart(self) -> None:
        """Kill the server and start it again."""
        self.kill()
        self.start()

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the server's owner; gives its rows."""
        import psycopg

        with psycopg.connect(self._url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """The address of a new, empty database."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}")
        return self._url(name)


def _home() -> Path:
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not homes:
        raise Unavailable(
            "PostgreSQL is not installed here: get it with `apt-get install --no-install-recommends postgresql`, "
            "or leave its tests out with `-m 'not postgres'`."
        )
    return homes[-1].parent
