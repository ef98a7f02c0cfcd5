"""Listening: on loopback, with a sentence for whatever stands in the way; bytes that are no HTTP harm nobody."""

import asyncio
import logging

import pytest

from codeforge import Settings
from codeforge.errors import Invalid, Unavailable
from codeforge.http import listen, make_app


def settings(forge, **values):
    return Settings(data_dir=forge.settings.data_dir, **{"port": forge.settings.port, **values})


async def test_a_port_that_is_taken_is_named_with_the_way_out(site, forge):
    with pytest.raises(Unavailable, match=rf"Port {site.port} of 127\.0\.0\.1 is taken .* CODEFORGE_PORT"):
        async with listen(make_app(forge), forge.settings):
            pass


async def test_port_zero_takes_a_free_one_and_the_forge_knows_it(forge):
    async with listen(make_app(forge), settings(forge, port=0)) as site:
        assert site.port > 0
        assert forge.url == site.url == f"http://127.0.0.1:{site.port}"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
async def test_an_address_that_others_reach_needs_to_be_allowed(forge, host):
    with pytest.raises(Invalid, match="CODEFORGE_ALLOW_REMOTE=1"):
        async with listen(make_app(forge), settings(forge, host=host)):
            pass


async def test_a_host_that_is_none_is_refused(forge):
    with pytest.raises(Unavailable, match="no address for the host"):
        async with listen(make_app(forge), settings(forge, host="no such host")):
            pass


async def test_localhost_is_loopback(forge):
    async with listen(make_app(forge), settings(forge, host="localhost")) as site:
        assert site.url == f"http://127.0.0.1:{forge.settings.port}"


def http(first, *headers, body=b""):
    """A request as bytes, by somebody who is signed in."""
    head = [first + b" HTTP/1.1", b"Host: localhost", b"Authorization: Bearer {token}", *headers]
    return b"\r\n".join([*head, b"", body])


FORM = b"Content-Type: application/x-www-form-urlencoded"
PARTS = b"Content-Type: multipart/form-data"
JSON = b"Content-Type: application/json"
SEVEN = b"Content-Length: 7"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\r\n\r\n",
        b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nCookie: codeforge=\xff\r\n\r\n",
        http(b"GET /api/v1/runs/\xff\xfe"),
        http(b"GET /api/v1/runs/%FF%00"),
        http(b"GET /api/v1/runs?limit=%FF%00"),
        http(b"GET /api/v1/runs", b"X-Odd: a\x00b"),
        http(b"POST /signin", FORM + b"; charset=none", SEVEN, body=b"token=x"),
        http(b"POST /signin", FORM, SEVEN, body=b"token=\xff"),
        http(b"POST /signin", PARTS, SEVEN, body=b"token=x"),
        http(b"POST /signin", PARTS + b"; boundary=x", SEVEN, body=b"token=x"),
        http(b"POST /api/v1/projects", JSON, b"Transfer-Encoding: chunked", body=b"zz\r\n"),
        http(b"POST /api/v1/projects", JSON, b"Content-Encoding: gzip", SEVEN, body=b"no gzip"),
        http(b"GET /api/v1/stream"),
        http(b"GET /api/v1/stream", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 99"),
    ],
)
async def test_bytes_that_make_no_sense_are_the_senders_fault(site, token, caplog, data):
    reader, writer = await asyncio.open_connection(site.host, site.port)
    writer.write(data.replace(b"{token}", token.encode()))
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert answer.split()[1][:1] == b"4", answer
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


async def test_a_client_that_goes_in_the_middle_of_its_words_is_no_error(site, token, session, caplog):
    for body in (b"{", b""):
        _, writer = await asyncio.open_connection(site.host, site.port)
        head = http(b"POST /api/v1/projects", JSON, b"Content-Length: 100", body=body)
        writer.write(head.replace(b"{token}", token.encode()))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with session.get(f"{site.url}/api/v1/health") as answer:
        assert answer.status == 200
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []
