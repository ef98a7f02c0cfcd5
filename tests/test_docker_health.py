"""The containers' health check against real and broken servers."""

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from docker_files import DOCKER

from codeforge.testing import Server, free_port


def check(role, **env):
    command = [sys.executable, "-I", "-S", str(DOCKER / "health.py"), role]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=20)


@asynccontextmanager
async def answering(**paths):
    """A server whose health says so; gives its port."""

    async def health(request):
        status = paths.get(request.path.rpartition("/")[2], 404)
        return web.Response(status=status, text="broker: does not answer")

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", health)])
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield port
    await runner.cleanup()


async def in_thread(role, **env):

    return await asyncio.to_thread(check, role, **env)


async def test_a_server_is_well_while_it_answers(tmp_path):
    server = Server(tmp_path / "data")
    api = await server.start()
    port = api.url.rpartition(":")[2]
    try:
        assert (await in_thread("server", CODEFORGE_PORT=port)).returncode == 0
        assert (await in_thread("worker", CODEFORGE_SERVER_URL=api.url + "/")).returncode == 0
    finally:
        await server.kill()
    done = await in_thread("server", CODEFORGE_PORT=port)
    assert (done.returncode, done.stderr) == (1, "")
    assert "refused" in done.stdout


@pytest.mark.parametrize(("ready", "code"), [(200, 0), (503, 1)])
async def test_a_server_that_is_alive_but_not_ready_is_not_well_and_says_why(ready, code):
    async with answering(ready=ready, live=200, health=200) as port:
        done = await in_thread("server", CODEFORGE_PORT=str(port))
    assert done.returncode == code
    assert "broker: does not answer" in done.stdout


async def test_a_worker_is_well_while_its_server_is_alive_though_not_ready():
    async with answering(ready=503, live=200) as port:
        assert (await in_thread("worker", CODEFORGE_SERVER_URL=f"http://127.0.0.1:{port}")).returncode == 0


async def test_a_proxy_in_the_environment_is_not_asked():
    async with answering(ready=200) as port:
        done = await in_thread("server", CODEFORGE_PORT=str(port), http_proxy="http://127.0.0.1:9")
    assert done.returncode == 0
