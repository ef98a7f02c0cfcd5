"""A private RabbitMQ node for tests: own folder, own ports, own epmd, and it can be killed and started again."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import socket
import tempfile
from pathlib import Path

from codeforge.errors import Unavailable
from codeforge.testing.kept import Kept, wait
from codeforge.testing.ports import free_port

_HEADER = b"AMQP\x00\x00\x09\x01"
# the node scans every application of its plugins folder: links to the core ones alone halve the CPU of a start
_APPS = (
    "accept amqp10_common amqp_client aten base64url credentials_obfuscation cuttlefish enough gen_batch_server getopt "
    "jsx observer_cli osiris ra rabbit rabbit_common rabbitmq_prelaunch ranch recon redbug seshat stdout_formatter "
    "syslog sysmon_handler systemd thoas"
)


class PrivateRabbit:
    """``with PrivateRabbit() as rabbit: connect(rabbit.url)``; a start takes 4 to 8 seconds.

    ``vhosts`` are how many more brokers it is, apart from each other: see ``new_vhost``.

    The node and its epmd run below a shim each (see ``_shim.py``): they die with this process, however it
    ends. ``settings`` are further lines of rabbitmq.conf. Raises `Unavailable` when RabbitMQ is not installed.
    """

    def __init__(self, *, settings: str = "", vhosts: int = 0) -> None:
        self._home = _home()
        self._settings = settings
        self._vhosts = [f"v{number}" for number in range(vhosts)]
        self._unused = iter(self._vhosts)
        self.port = free_port()
        self._node: Kept | None = None

    @property
    def url(self) -> str:
        """The node's address, with the user that every fresh node has."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def new_vhost(self) -> str:
        """The address of a broker of its own within the node, which nobody has used."""
        return f"{self.url}{next(self._unused)}"

    def __enter__(self) -> PrivateRabbit:
        self._temporary = tempfile.TemporaryDirectory(prefix="codeforge-rabbitmq-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        (self.folder / "definitions.json").write_text(json.dumps(_definitions(["/", *self._vhosts])))
        settings = f"load_definitions = {self.folder / 'definitions.json'}\n{self._settings}"
        self._env = _prepare(self._home, self.folder, self.port, settings if self._vhosts else self._settings)
        epmd_port = self._env["ERL_EPMD_PORT"]
        self._epmd = Kept(["epmd", "-port", epmd_port, "-address", "127.0.0.1"], self._env, self.folder)
        try:
            wait(lambda: _greets(int(epmd_port), b"", b""), self._epmd, seconds=20, what="RabbitMQ node")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._epmd.stop()
        self._temporary.cleanup()

    @property
    def running(self) -> bool:
        """Whether the node is up."""
        return self._node is not None and self._node.process.poll() is None

    def start(self) -> None:
        """Start the node on its folder, with what it kept; returns when it greets clients."""
        self._node = Kept([str(self._home / "sbin" / "rabbitmq-server")], self._env, self.folder)
        wait(lambda: _greets(self.port, _HEADER, b"\x01"), self._node, seconds=90, what="RabbitMQ node")

    def stop(self) -> None:
        """Shut the node down in order."""
        if self._node:
            self._node.stop()

    def kill(self) -> None:
        """End the node as a crash does."""
        os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        assert self._node
        self._node.stop()

    def restart(self) -> None:
        """Kill the node and start it again."""
        self.kill()
        self.start()


def _home() -> Path:
    # the wrapper on PATH changes user and folder: the node's own script does not
    homes = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    if not homes:
        raise Unavailable(
            "RabbitMQ is not installed here: get it with `apt-get install --no-install-recommends rabbitmq-server`, "
            "or leave its tests out with `-m 'not rabbitmq'`."
        )
    return homes[-1]


def _prepare(home: Path, folder: Path, port: int, settings: str) -> dict[str, str]:
    """Write the node's files into ``folder``; gives its environment."""
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.console = false\ndisk_free_limit.absolute = 50MB\n"
        f"total_memory_available_override_value = 2GB\n{settings}\n"
    )
    (folder / "advanced.config").write_text("[].\n")
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / "plugins").mkdir()
    for app in (home / "plugins").iterdir():
        if app.name.removesuffix(".ez").rsplit("-", 1)[0] in _APPS.split():
            (folder / "plugins" / app.name).symlink_to(app)
    cookie = folder / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"codeforge-{secrets.token_hex(4)}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # nothing of /etc/rabbitmq
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PLUGINS_DIR": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the node instead of staying above it
        "RABBITMQ_SERVER_START_ARGS": "-noinput",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
    }


def _definitions(vhosts: list[str]) -> dict[str, object]:
    """What the node is to have from its first start: these vhosts, and the user that every fresh node has."""
    salt = secrets.token_bytes(4)
    secret = base64.b64encode(salt + hashlib.sha256(salt + b"guest").digest()).decode()
    way = "rabbit_password_hashing_sha256"
    rights = {"user": "guest", "configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [{"name": "guest", "password_hash": secret, "hashing_algorithm": way, "tags": "administrator"}],
        "vhosts": [{"name": name} for name in vhosts],
        "permissions": [{**rights, "vhost": name} for name in vhosts],
    }


def _greets(port: int, hello: bytes, answer: bytes) -> bool:
    """Whether a server on ``port`` answers ``hello`` with something that begins with ``answer``."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(5)
            connection.sendall(hello)
            return not answer or connection.recv(1) == answer
    except OSError:
        return False
