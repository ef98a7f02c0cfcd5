"""The way from a worker to its servers: one that does not answer costs no more than it may."""

import asyncio
import time

import pytest
from aiohttp import web

from codeforge.errors import Unavailable
from codeforge.remote import Door


@pytest.fixture
async def serve():
    """Start a server that answers with its name, or, when it has frozen, not at all."""
    runners = []

    async def start(name, *, frozen=False):
        async def answer(request):
            if frozen:
                await asyncio.sleep(60)
            return web.json_response(name)

        app = web.Application()
        app.router.add_post("/api/worker/v1/x", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_a_frozen_server_is_given_up_in_time_and_the_next_call_asks_another(serve):
    door = Door((await serve("frozen", frozen=True), await serve("awake")), "token")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await door.json("POST", "/x", wait=0.3, once=True)
    assert time.monotonic() - began < 5
    assert await door.json("POST", "/x", wait=5, once=True) == "awake"
    await door.close()


async def test_many_that_find_out_at_once_do_not_go_round_in_circles(serve):
    door = Door((await serve("frozen", frozen=True), await serve("awake")), "token")
    asked = [door.json("POST", "/x", wait=0.3) for _ in range(4)]
    assert await asyncio.gather(*asked) == ["awake"] * 4
    assert await door.json("POST", "/x", wait=0.3, once=True) == "awake"
    await door.close()
