"""Runs in a real sandbox: what reaches them and what does not, how they end, and what becomes of them without one."""

import asyncio
import os
import time

import psutil
import pytest
from aiohttp import web

from codeforge import Settings
from codeforge.testing import Server, StandIns, fleet, free_port, new_repository, running

codeforge_sandbox_bubblewrap = pytest.importorskip("codeforge_sandbox_bubblewrap")
pytestmark = pytest.mark.xdist_group("sandbox")
HOG = 'python3 -c "import time; kept = bytearray(150 << 20); print(1, flush=True); time.sleep(60)"'


def alive(mark: str) -> bool:
    return any(mark in " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


async def until(condition, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


@pytest.fixture
def bounds():
    return {}


@pytest.fixture
def settings(tmp_path, bounds):
    return Settings(data_dir=tmp_path / "data", port=0, default_agent="shell", sandbox="bubblewrap", **bounds)


@pytest.fixture
async def api(settings):
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        yield api


@pytest.fixture
async def project(api, tmp_path):
    repository = new_repository(tmp_path / "repository")
    return await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})


async def said(api, run) -> list[str]:
    events = (await api.get(f"/runs/{run['id']}/events?limit=1000"))["items"]
    return [event["data"]["text"] for event in events if "text" in event["data"]]


# --------------------------------------------------------------------------------------------------
# How it ends
# --------------------------------------------------------------------------------------------------


async def test_a_stop_is_heard_inside_and_over_within_two_seconds_with_nothing_left(api, project):
    mark = f"5{os.getpid()}1"
    script = f"trap 'echo bye; exit 0' TERM; setsid sleep {mark} & (setsid sleep {mark} &); echo up; wait"
    run = await api.start(project, script)
    await api.says(run, "up")
    await until(lambda: alive(mark))
    began = time.monotonic()
    await api.post(f"/runs/{run['id']}/stop")
    run = await api.until(run)
    assert (run["state"], time.monotonic() - began < 2, alive(mark)) == ("stopped", True, False)


@pytest.mark.slow
async def test_what_ignores_a_stop_is_killed_with_all_that_it_started(api, project):
    mark = f"5{os.getpid()}2"
    run = await api.start(project, f"trap '' TERM; setsid sleep {mark} & echo up; sleep {mark}; sleep {mark}")
    await api.says(run, "up")
    await api.post(f"/runs/{run['id']}/stop")
    assert (await api.until(run))["state"] == "stopped"
    assert not alive(mark)


@pytest.mark.slow
async def test_a_killed_worker_leaves_nothing_of_a_confined_run(tmp_path):
    mark = f"5{os.getpid()}3"
    server = Server(tmp_path / "data", env={"CODEFORGE_SANDBOX": "bubblewrap"})
    api = await server.start()
    values = {"url": str(new_repository(tmp_path / "repository")), "model": "none"}
    run = await api.start(
        await api.post("/projects", values), f"trap '' TERM; setsid sleep {mark} & echo up; sleep {mark}"
    )
    await api.says(run, "up")
    await server.kill()
    await until(lambda: not alive(mark))


async def test_the_exit_code_and_both_streams_come_through(api, project):
    run = await api.until(await api.start(project, "echo out; echo err >&2; kill -9 $$"))
    assert (run["state"], run["reason"], run["detail"]) == ("failed", "agent_error", "exit code 137")
    assert {"out", "err"} <= set(await said(api, run))


# --------------------------------------------------------------------------------------------------
# On a machine of its own
# --------------------------------------------------------------------------------------------------


@pytest.mark.rabbitmq
@pytest.mark.slow
async def test_a_worker_of_its_own_confines_its_runs_and_keeps_its_token_from_them(tmp_path, rabbit):
    async with fleet(tmp_path, broker_url=rabbit.new_vhost(), lease="5") as made:
        await made.add_server(free_port())
        async with made.api() as api:
            worker = await made.add_worker(api, sandbox="bubblewrap")
            values = {"url": str(new_repository(tmp_path / "repository")), "model": "none"}
            script = f"""
                curl -sS -o /dev/null -w 'gateway %{{http_code}}' $GATEWAY/models -H "Authorization: Bearer $KEY"; echo
                curl -sS -o /dev/null -w 'claim %{{http_code}}' -X POST ${{GATEWAY%/llm/v1}}/api/worker/v1/claim; echo
                test -e {worker.folder}/output || echo unseen
                for pid in /proc/[0-9]*; do tr '\\0' '\\n' < $pid/environ; done 2>/dev/null | grep -c CODEFORGE_TOKEN
                echo > b.txt"""
            run = await api.until(await api.start(await api.post("/projects", values), script), seconds=60)
            assert (run["state"], run["sandbox"][:22]) == ("review", "Confined by bubblewrap")
            assert {"gateway 200", "claim 403", "unseen", "0"} <= set(await said(api, run))


# --------------------------------------------------------------------------------------------------
# Checks
# --------------------------------------------------------------------------------------------------


async def test_a_check_is_confined_like_the_agent(api, project, settings):
    check = f"test -d /run/codeforge && test ! -e {settings.data_dir}/secret.key && test ! -e /etc/shadow && cat b.txt"
    run = await api.until(await api.start(project, "echo fine > b.txt", check=check))
    assert (run["state"], run["check"]["exit"]) == ("review", 0)
    assert "fine" in await said(api, run)


# --------------------------------------------------------------------------------------------------
# Allowed hosts
# --------------------------------------------------------------------------------------------------


@pytest.fixture
async def index():
    """A package index of a kind: it quotes the header fields that it was sent."""

    async def answer(request):
        return web.json_response({"index": True, "proxy": "Proxy-Authorization" in request.headers})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_an_allowed_host_is_reached_through_the_proxy_only(api, project, index):
    edit = {"allowed_hosts": [f"127.0.0.1:{index}", "localhost", f"localhost:{index}", "allowed.invalid"]}
    await api.call("PATCH", f"/projects/{project['id']}", edit)
    place = f"127.0.0.1:{index}/simple"
    tries = {
        "plain": f"curl -sS --noproxy '' -x $HTTP_PROXY http://{place}",
        "tunnel": f"curl -sS --noproxy '' -p -x $HTTP_PROXY http://{place}",
        "by a name that leads there": f"curl -sS --noproxy '' -x $HTTP_PROXY http://localhost:{index}/simple",
        "directly": f"curl -sS --noproxy '*' http://{place}",
        "without password": f"curl -sS --noproxy '' -x http://127.0.0.1:8702 http://{place}",
        "wrong password": f"curl -sS --noproxy '' -x http://run:wrong@127.0.0.1:8702 http://{place}",
        "another port": f"curl -sS --noproxy '' -x $HTTP_PROXY http://127.0.0.1:{index + 1}/",
        "another name": "curl -sS --noproxy '' -x $HTTP_PROXY http://forbidden.invalid/",
        "private by name": "curl -sS --noproxy '' -x $HTTP_PROXY http://localhost/",
        "unknown": "curl -sS --noproxy '' -x $HTTP_PROXY http://allowed.invalid/",
        "another scheme": "curl -sS --noproxy '' -x $HTTP_PROXY ftp://allowed.invalid/",
    }
    script = "".join(f"echo \"{name}: $({command} 2>&1 | tr '\\n' ' ')\"\n" for name, command in tries.items())
    run = await api.until(await api.start(project, f"{script}echo > b.txt"))
    told = dict(line.split(": ", 1) for line in await said(api, run) if line.split(": ")[0] in tries)
    reached = '{"index": true, "proxy": false}'
    assert [told[name].strip() for name in ("plain", "tunnel", "by a name that leads there")] == [reached] * 3
    assert "Failed to connect" in told["directly"] or "Couldn't connect" in told["directly"]
    assert "wants the password" in told["without password"]
    assert "wants the password" in told["wrong password"]
    assert "none of the hosts that this project's runs may reach" in told["another port"]
    assert "none of the hosts that this project's runs may reach" in told["another name"]
    assert "private address, which must be listed" in told["private by name"]
    assert "not known" in told["unknown"]
    assert "index" not in told["another scheme"]
    assert f"127.0.0.1:{index}" in run["sandbox"]


@pytest.mark.parametrize(
    "host",
    [
        "https://packages.example.org",
        "10.0.0.5",
        "a b",
        "*",
        "packages.example.org:0",
        "packages.example.org:99999",
        "::1:80",
    ],
)
async def test_what_is_no_host_is_refused_in_words(api, project, host):
    found = await api.call("PATCH", f"/projects/{project['id']}", {"allowed_hosts": [host]}, status=422)
    assert "is no host: give a name such as example.org" in found["detail"]


async def test_hosts_are_kept_in_lower_case_each_once(api, project):
    given = ["Packages.Example.org", "packages.example.org.", ".Example.com", "[fd00::5]:443", "nexus.example:8443"]
    found = await api.call("PATCH", f"/projects/{project['id']}", {"allowed_hosts": given})
    assert found["allowed_hosts"] == ["packages.example.org", ".example.com", "[fd00::5]:443", "nexus.example:8443"]


# --------------------------------------------------------------------------------------------------
# Bounds
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [{"sandbox_processes": 60}])
async def test_more_processes_than_a_run_may_have_are_ended(api, project, bounds):
    run = await api.start(project, "for n in $(seq 99); do sleep 60 & done; wait; echo survived > b.txt")
    await too_many(api, run)


@pytest.mark.parametrize("bounds", [{"sandbox_processes": 60}])
async def test_a_fork_bomb_goes_off_inside_and_ends(api, project, bounds):
    await too_many(api, await api.start(project, "bomb() { bomb | bomb & }; bomb; sleep 20; echo survived > b.txt"))


async def too_many(api, run):
    run = await api.until(run)
    assert run["reason"] == "sandbox_error"
    assert run["detail"].startswith("What ran for it took more than 60 processes (setting sandbox_processes)")


@pytest.mark.parametrize("bounds", [{"sandbox_memory_mb": 200}])
async def test_one_process_that_wants_too_much_memory_gets_none(api, project, bounds):
    hog = 'python3 -c "bytearray(300 << 20)" 2>&1 | tail -1 > b.txt; cat b.txt'
    run = await api.until(await api.start(project, hog))
    assert "MemoryError" in await said(api, run)


@pytest.mark.parametrize("bounds", [{"sandbox_memory_mb": 200}])
async def test_processes_that_take_too_much_memory_together_are_ended(api, project, bounds):
    run = await api.until(await api.start(project, f"{HOG} & {HOG} & wait; echo > b.txt"))
    assert run["reason"] == "sandbox_error"
    assert "more than 200 MB of memory (setting sandbox_memory_mb)" in run["detail"]


@pytest.mark.parametrize("bounds", [{"sandbox_file_mb": 3}])
async def test_no_file_grows_larger_than_it_may_nor_does_tmp(api, project, bounds):
    fill = "for n in 1 2; do head -c 2000000 /dev/zero > /tmp/$n; done"
    script = f"head -c 5000000 /dev/zero > big; {fill}; stat -c %s big; cat /tmp/1 /tmp/2 | wc -c; rm big; echo > b.txt"
    words = await said(api, await api.until(await api.start(project, script)))
    assert str(3 << 20) in words
    assert 2_000_000 < int(words[words.index(str(3 << 20)) + 1]) < 4 << 20


@pytest.mark.parametrize("bounds", [{"sandbox_cpu_seconds": 1}])
@pytest.mark.slow
async def test_a_process_that_spins_is_ended(api, project, bounds):
    run = await api.until(await api.start(project, "sh -c 'while :; do :; done'; echo $? > b.txt; cat b.txt"))
    assert "137" in await said(api, run) or "152" in await said(api, run)


# --------------------------------------------------------------------------------------------------
# Where it cannot be had
# --------------------------------------------------------------------------------------------------


@pytest.fixture
def nowhere(monkeypatch):
    """A machine without bubblewrap."""
    monkeypatch.setattr("codeforge_sandbox_bubblewrap.probe.PROGRAM", "bwrap-is-not-here")
    monkeypatch.setattr("codeforge_sandbox_bubblewrap.probe._known", None)


@pytest.mark.parametrize("bounds", [{"sandbox": "auto"}])
async def test_without_bubblewrap_a_run_is_refused_and_told_what_to_do(tmp_path, bounds, nowhere):
    settings = Settings(data_dir=tmp_path / "data", port=0, default_agent="shell", **bounds)
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        values = {"url": str(new_repository(tmp_path / "repository")), "model": "none"}
        run = await api.until(await api.start(await api.post("/projects", values), "echo > b.txt"))
    assert (run["state"], run["reason"], run["sandbox"]) == ("failed", "sandbox_error", "")
    assert "bubblewrap is not installed. Install it: apt-get install bubblewrap" in run["detail"]
    assert "sandbox_fallback" in run["detail"]


@pytest.mark.parametrize("bounds", [{"sandbox_fallback": True}])
async def test_with_the_fallback_set_it_works_unconfined_and_says_so(api, project, bounds, nowhere):
    run = await api.until(await api.start(project, "echo > b.txt"))
    assert run["state"] == "review"
    assert run["sandbox"].startswith("No sandbox can be had (bubblewrap: bubblewrap is not installed.")
    assert run["sandbox"].endswith("Nothing confines this run: it can do what the worker's user can.")
    assert run["sandbox"] in await said(api, run)


async def test_a_sandbox_that_nobody_brings_is_refused(tmp_path):
    settings = Settings(data_dir=tmp_path / "data", port=0, default_agent="shell", sandbox="bubblewarp")
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        values = {"url": str(new_repository(tmp_path / "repository")), "model": "none"}
        run = await api.until(await api.start(await api.post("/projects", values), "echo > b.txt"))
    assert run["detail"].startswith("The sandbox cannot be had. No sandbox bubblewarp is installed.")
