"""The Caddyfile in a real Caddy before real servers: TLS, HTTP/2, events as they come, a server that goes away."""

import asyncio
import json
import os
import shutil
import subprocess
import sys

import aiohttp
import pytest
from docker_caddy import caddy, curl

from codeforge.testing import Server, new_repository

pytestmark = [
    pytest.mark.xdist_group("caddy"),
    pytest.mark.skipif(not shutil.which("caddy"), reason="caddy is not installed: apt-get install caddy"),
]
LETTERS = "echo first; until [ -e {gate} ]; do sleep 0.02; done; echo second"


@pytest.fixture
async def house(tmp_path):
    """A server as compose starts it, behind Caddy."""
    async with (
        Server(tmp_path / "data", env={"CODEFORGE_ALLOW_REMOTE": "1"}) as api,
        caddy(tmp_path / "caddy", api.url.removeprefix("http://")) as proxy,
    ):
        yield api, proxy


@pytest.fixture
async def run(house, tmp_path):
    """A run that says "first", and "second" once ``gate`` is there."""
    api, _ = house
    repository, gate = new_repository(tmp_path / "shop"), tmp_path / "gate"
    project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
    return await api.start(project, LETTERS.format(gate=gate)) | {"gate": gate}


async def test_people_get_tls_and_http_2_and_plain_http_is_led_there(house):
    _, proxy = house
    page = f"{proxy.url}/signin"
    trusted = ("--cacert", proxy.root)
    assert curl(*trusted, page, say="%{http_code} %{http_version}") == "200 2"
    assert curl(page) == "000", "a certificate that nobody trusts was taken"
    assert curl("-L", *trusted, f"{proxy.plain}/signin", say="%{http_code} %{url_effective}").startswith("308 https://")


async def test_a_sign_in_over_tls_sets_a_cookie_for_this_host_alone_and_guessers_cannot_hide(house):
    api, proxy = house
    data = {"token": "guess"}
    for n in range(11):
        headers = {"X-Forwarded-For": f"203.0.113.{n}", "Origin": proxy.url}
        async with api.http.post(f"{proxy.url}/signin", data=data, headers=headers, ssl=proxy.tls) as answer:
            assert answer.status == (401 if n < 10 else 429)


async def test_a_session_by_link_works_over_tls(house, tmp_path):
    _, proxy = house
    env = os.environ | {"CODEFORGE_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "codeforge", "link"]
    link = (await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, text=True)).stdout
    data = {"token": link.strip().rpartition("=")[2], "next": "/projects"}
    async with aiohttp.ClientSession() as browser:
        post = browser.post(f"{proxy.url}/signin", data=data, headers={"Origin": proxy.url}, ssl=proxy.tls)
        async with post as answer:
            assert (answer.status, answer.url.path) == (200, "/projects")
        [cookie] = browser.cookie_jar
        assert cookie.key == "__Host-codeforge"
        assert cookie["secure"]


@pytest.mark.parametrize("accepts", ["identity", "gzip", "zstd"])
async def test_events_by_sse_come_one_by_one_as_they_happen(house, run, accepts):
    api, proxy = house
    url = f"{proxy.url}/api/v1/runs/{run['id']}/events"
    bearer = f"Authorization: {api.http.headers['Authorization']}"
    command = ["curl", "-sN", "--http2", "--cacert", proxy.root, "-H", bearer, "-H", "Accept: text/event-stream", url]
    command += [] if accepts == "identity" else ["--compressed", "-H", f"Accept-Encoding: {accepts}"]
    stream = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(30):
            while b"first" not in await stream.stdout.readline():
                assert not stream.stdout.at_eof()
            run["gate"].touch()  # only now: what was read before it was not held back
            while b"second" not in await stream.stdout.readline():
                assert not stream.stdout.at_eof()
    finally:
        run["gate"].touch()
        stream.kill()
        await stream.wait()


async def test_the_websocket_goes_through(house, run):
    api, proxy = house
    url = f"{proxy.url}/api/v1/stream?run={run['id']}&after=0"
    async with api.http.ws_connect(url, ssl=proxy.tls, headers={"Origin": proxy.url}) as socket, asyncio.timeout(30):
        heard = ""
        while "first" not in heard:
            heard += (await socket.receive()).data
        run["gate"].touch()
        while "second" not in heard:
            heard += (await socket.receive()).data


async def test_workers_reach_the_api_by_their_own_door(house):
    api, proxy = house
    async with api.http.get(f"{proxy.workers}/api/v1/projects") as answer:
        assert (answer.status, json.loads(await answer.text())["items"]) == (200, [])


async def test_a_server_that_is_killed_is_passed_over(tmp_path):
    """Upgrades take one server after the other: people must not notice."""
    first, second = Server(tmp_path / "one" / "data"), Server(tmp_path / "two" / "data")
    servers = [(await server.start()).url.removeprefix("http://") for server in (first, second)]
    try:
        async with caddy(tmp_path / "caddy", *servers) as proxy, aiohttp.ClientSession() as http:
            for n in range(40):
                if n == 10:
                    await first.kill()
                async with http.get(f"{proxy.url}/api/v1/health", ssl=proxy.tls) as answer:
                    assert answer.status == 200, n
    finally:
        await first.kill()
        await second.kill()
