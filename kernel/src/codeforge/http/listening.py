"""Listens: on loopback unless told otherwise, with a plain sentence when the port is taken."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from codeforge.errors import Invalid, Unavailable
from codeforge.http.context import FORGE
from codeforge.settings import Settings

GRACE = 5.0
"""Seconds that requests under way get when the server stops."""


@dataclass(frozen=True, slots=True)
class Site:
    """A server that listens. ``url`` reaches it from this machine, without a slash at its end."""

    host: str
    port: int

    @property
    def url(self) -> str:
        address = ip_address(self.host)
        if address.is_unspecified:
            address = ip_address("127.0.0.1" if address.version == 4 else "::1")
        return f"http://[{address}]:{self.port}" if address.version == 6 else f"http://{address}:{self.port}"


@asynccontextmanager
async def listen(app: web.Application, settings: Settings) -> AsyncIterator[Site]:
    """Serve ``app`` at the settings' host and port, and tell the forge its address.

    Raises `Unavailable` when the port is taken and `Invalid` for an address that others could reach while
    ``allow_remote`` is off.
    """
    host = await _address(settings)
    if not ip_address(host).is_loopback and not settings.allow_remote:
        raise Invalid(
            f"{settings.host} can be reached by others, and CodeForge has no TLS of its own: listen on 127.0.0.1, "
            "or put a proxy with TLS before it and set CODEFORGE_ALLOW_REMOTE=1.",
            field="host",
        )
    listener = _bind(host, settings)
    runner = web.AppRunner(app, access_log=None, logger=_wire_log(), shutdown_timeout=GRACE)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        site = Site(host, listener.getsockname()[1])
        app[FORGE].url = site.url
        yield site
    finally:
        await runner.cleanup()
        listener.close()


def _wire_log() -> logging.Logger:
    """aiohttp's own log, without what strangers' broken requests would write into it: they get their 400."""

    def ours(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError)

    log = logging.Logger("codeforge.http.wire")
    log.parent = logging.getLogger("codeforge.http")
    log.addFilter(ours)
    return log


async def _address(settings: Settings) -> str:
    """The host as an address; of several the first, IPv4 before IPv6."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise Unavailable(
            f"There is no address for the host {settings.host} ({error.strerror}): set another."
        ) from error
    return str(min(found, key=lambda info: info[0] != socket.AF_INET)[4][0])


def _bind(host: str, settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, settings.port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Unavailable(
                f"Port {settings.port} of {host} is taken by another program: stop that one, "
                "or choose another port with CODEFORGE_PORT (0 takes a free one)."
            ) from error
        raise Unavailable(
            f"Port {settings.port} of {host} cannot be used ({error.strerror}): set another host or port."
        ) from error
