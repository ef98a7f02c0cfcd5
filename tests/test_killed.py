"""What is killed comes back: nothing submitted is lost, nothing done is lost, nothing runs on."""

import asyncio
import os
import time

import psutil

from codeforge.testing import ScriptedModels, Server, Step, git, new_repository


def alive(mark: str) -> bool:
    return any(mark in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


async def until(condition, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


async def test_a_killed_server_leaves_no_process_keeps_the_work_and_takes_the_run_up_again(tmp_path):
    repository, gate, mark = new_repository(tmp_path / "repository"), tmp_path / "gate", f"2{os.getpid()}9"
    server = Server(tmp_path / "data")
    api = await server.start()
    project = await api.post("/projects", {"url": str(repository), "model": "none"})
    script = (
        f"test -e {gate} && exec sh -c 'echo done > b.txt'; "
        f"echo partial > p.txt; echo up; trap '' TERM; setsid sleep {mark} & sleep {mark}"
    )
    run = await api.start(project, script)
    await api.says(run, "up")
    await until(lambda: alive(mark))
    await server.kill()
    await until(lambda: not alive(mark))
    gate.touch()
    async with server as api:
        run = await api.until(run)
        assert (run["state"], [f["path"] for f in (await api.get(f"/runs/{run['id']}/diff"))["files"]]) == (
            "review",
            ["b.txt"],
        )
        mirror = tmp_path / "data" / "mirrors" / f"{project['id']}.git"
        assert git(mirror, "show", f"refs/codeforge/runs/{run['id']}/1:p.txt") == "partial"
        assert list((tmp_path / "data" / "runs").iterdir()) == []


async def test_what_was_answered_with_201_is_there_after_a_kill(tmp_path):
    repository = new_repository(tmp_path / "repository")
    server = Server(tmp_path / "data")
    api = await server.start()
    project = await api.post("/projects", {"url": str(repository), "model": "none"})
    runs = [await api.start(project, f"echo {n} > {n}.txt") for n in range(5)]
    await server.kill()
    async with server as api:
        ended = [await api.until(run) for run in runs]
        assert [run["state"] for run in ended] == ["review"] * 5


async def test_a_delivery_that_was_cut_off_is_finished_once(tmp_path):
    repository, gate = new_repository(tmp_path / "repository"), tmp_path / "gate"
    hook = repository / ".git" / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/pushed\nuntil [ -e {gate} ]; do sleep 0.05; done\n")
    hook.chmod(0o755)
    server = Server(tmp_path / "data")
    api = await server.start()
    project = await api.post("/projects", {"url": str(repository), "model": "none"})
    run = await api.until(await api.start(project, "echo b > b.txt"))
    accepting = asyncio.create_task(api.post(f"/runs/{run['id']}/review", {"verdict": "accept", "strategy": "squash"}))
    await until((tmp_path / "pushed").exists)
    await server.kill()
    await asyncio.gather(accepting, return_exceptions=True)
    gate.touch()
    async with server as api:
        async with asyncio.timeout(30):
            while (run := await api.get(f"/runs/{run['id']}"))["state"] != "accepted":
                await asyncio.sleep(0.02)
        assert git(repository, "rev-list", "--count", "main") == "2"
        assert git(repository, "rev-parse", "main") == run["delivered"]


async def test_an_agent_does_not_find_the_servers_keys_in_any_environment(tmp_path):
    repository = new_repository(tmp_path / "repository")
    secrets = {"OPENAI_API_KEY": "sk-hidden-4711", "CODEFORGE_TOKEN": "cftok_hidden-4711"}
    async with Server(tmp_path / "data", env=secrets) as api:
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        each = "for e in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $e; done 2>/dev/null"
        script = f"{each} | grep -c -e hidden-471[1] > n; true"
        run = await api.until(await api.start(project, script))
        assert run["state"] == "review"
        assert "+0" in (await api.get(f"/runs/{run['id']}/diff"))["diff"]


async def test_a_stop_ends_even_what_lost_its_shim(tmp_path):
    repository, mark = new_repository(tmp_path / "repository"), f"2{os.getpid()}8"
    async with Server(tmp_path / "data") as api:
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        run = await api.start(project, f"setsid sleep {mark} & echo up; wait")
        await api.says(run, "up")
        await until(lambda: alive(mark))
        for process in psutil.process_iter(["cmdline"]):
            if any(part.endswith("_shim.py") for part in process.info["cmdline"] or ()) and str(tmp_path) in repr(
                process.environ()
            ):
                process.kill()
        run = await api.until(run)
        assert run["state"] == "failed"
        assert not alive(mark)


async def test_a_model_call_that_the_server_died_in_is_accounted_by_its_worst_case(tmp_path):
    async with ScriptedModels() as models:
        models.script("m", lambda seen: Step(text="slow answer", then="hang", until=0.5))
        repository = new_repository(tmp_path / "repository")
        server = Server(tmp_path / "data")
        api = await server.start()
        settings = {"models": ["m"], "prices": {"m": {"input": 0, "output": 10}}}
        body = {"kind": "openai-compatible", "base_url": models.url, "settings": settings}
        await api.call("PUT", "/providers/up?test=false", body)
        project = await api.post("/projects", {"url": str(repository), "model": "up/m"})
        body = '{"model": "up/m", "stream": true, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}'
        head = '-H "Authorization: Bearer $KEY" -H "Content-Type: application/json"'
        ask = f"curl -sN \"$GATEWAY/chat/completions\" {head} -d '{body}'"
        run = await api.start(project, f"{ask}; sleep 100", max_cost_micro=1500)
        await models.seen(1)
        [call] = (await api.get(f"/runs/{run['id']}/calls"))["items"]
        assert (call["state"], call["held_micro"], call["cost_micro"]) == ("open", 1000, None)
        await server.kill()
        async with server as api:
            [call, *_] = (await api.get(f"/runs/{run['id']}/calls"))["items"]
            assert (call["state"], call["cost_micro"], call["counted"]) == ("settled", 1000, "estimated")
            waiting = await api.until(run, "waiting")  # its retry would be 1,000 more
            assert (waiting["usage"]["calls"], waiting["usage"]["cost_micro"]) == (1, 1000)
            assert len(models.requests) == 1
