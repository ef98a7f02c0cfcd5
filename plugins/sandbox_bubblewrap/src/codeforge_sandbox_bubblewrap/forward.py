"""The forward proxy of a sandbox, at a unix socket: CONNECT and plain HTTP to allowed hosts, against a password."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from codeforge import CodeForgeError, Forbidden, Unavailable
from codeforge_sandbox_bubblewrap.allowed import Allowed

log = logging.getLogger(__name__)
HEAD_LIMIT = 65536
BLOCK = 65536
PATIENCE = 20.0
"""Seconds for a request's head, and for a connection to be made."""
STATUS = {400: "Bad Request", 403: "Forbidden", 407: "Proxy Authentication Required", 502: "Bad Gateway"}
NOT_PASSED = ("proxy-authorization", "proxy-connection", "connection", "keep-alive")


@asynccontextmanager
async def forward_proxy(door: socket.socket, allowed: Allowed, password: str) -> AsyncIterator[None]:
    """Serve ``door`` within the block; what is under way at its end is cut off."""
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        under_way.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                await _serve(reader, writer, allowed, password)
        except asyncio.CancelledError:
            pass  # only the end of the block cancels it
        finally:
            under_way.discard(task)
            writer.close()

    server = await asyncio.start_unix_server(serve, sock=door, limit=HEAD_LIMIT)
    try:
        yield
    finally:
        server.close()
        for task in under_way:
            task.cancel()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowed: Allowed, password: str) -> None:
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *lines = head[:-4].split("\r\n")
    fields = [line.partition(":")[::2] for line in lines]
    try:
        method, target, version = request.split(" ")
        host, port, rest = _target(method, target)
    except ValueError:
        return await _refuse(writer, 400, "This proxy takes CONNECT and requests with a whole http:// address.")
    if not _knows({name.lower(): value.strip() for name, value in fields}, password):
        return await _refuse(writer, 407, "This proxy wants the password of its run.")
    try:
        far_reader, far_writer = await _connect(await allowed.addresses(host, port), host, port)
    except CodeForgeError as error:
        return await _refuse(writer, 403 if isinstance(error, Forbidden) else 502, str(error))
    try:
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            kept = [f"{name}:{value}" for name, value in fields if name.lower() not in NOT_PASSED]
            told = "\r\n".join([f"{method} {rest} {version}", *kept, "Connection: close", "", ""])
            far_writer.write(told.encode("latin-1"))
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    finally:
        far_writer.close()
    return None


def _target(method: str, target: str) -> tuple[str, int, str]:
    """(host, port, path to ask for). Raises ValueError."""
    if method == "CONNECT":
        parts = urlsplit(f"//{target}")
        if not parts.hostname or parts.port is None or "/" in target or "@" in target:
            raise ValueError(target)
        return parts.hostname, parts.port, ""
    parts = urlsplit(target)
    if parts.scheme != "http" or not parts.hostname or "@" in parts.netloc:
        raise ValueError(target)
    return parts.hostname, parts.port or 80, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _knows(fields: dict[str, str], password: str) -> bool:
    kind, _, given = fields.get("proxy-authorization", "").partition(" ")
    wanted = base64.b64encode(f"run:{password}".encode()).decode()
    return kind.lower() == "basic" and hmac.compare_digest(given.strip().encode(), wanted.encode())


async def _connect(addresses: list[str], host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one: to these very addresses, whatever the name leads to by now."""
    for address in addresses:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                return await asyncio.open_connection(address, port)
    raise Unavailable(f"{host}:{port} does not answer.")


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(BLOCK):
            sink.write(data)
            await sink.drain()
    with suppress(OSError):
        sink.write_eof()


async def _refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    body = f"{why}\n".encode()
    asks = 'Proxy-Authenticate: Basic realm="CodeForge"\r\n' if status == 407 else ""
    head = f"HTTP/1.1 {status} {STATUS[status]}\r\n{asks}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    await writer.drain()
