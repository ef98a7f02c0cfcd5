"""Providers: what each kind needs, asked by a real call before it is kept, found by themselves, and how they do."""

import asyncio
import json
import time

import openai
import pytest
from aiohttp import web

from codeforge import Invalid
from codeforge.testing import Step, free_port
from codeforge_llm_litellm import machine
from codeforge_llm_litellm.kinds import KINDS
from codeforge_llm_litellm.providers import from_environment

KEY = "sk-canary-0123456789abcdef"
ASKED = [{"role": "user", "content": "Say hello to the world."}]
LIST = {"data": [{"id": "m"}]}


def guarded(*paths, header="Authorization", value=f"Bearer {KEY}", body=LIST):
    """A provider that answers at these paths, and everywhere else or with another key refuses."""

    async def answer(request):
        if request.path not in paths:
            return web.Response(status=404)
        good = request.headers.get(header) == value
        return web.json_response(body) if good else web.json_response({"error": f"bad key {KEY}"}, status=401)

    return answer


async def add(house, kind, *, url="", key=KEY, **settings):
    return await house.forge.providers.set(
        house.who, "new", kind, base_url=url, secret=key, settings=settings, test=True
    )


async def kept(house):
    return [provider.name for provider in await house.forge.providers.list(house.who.tenant_id)]


@pytest.mark.parametrize(
    ("kind", "path", "header", "value", "body"),
    [
        ("openai", "/v1/models", "Authorization", f"Bearer {KEY}", LIST),
        ("mistral", "/v1/models", "Authorization", f"Bearer {KEY}", LIST),
        ("vllm", "/v1/models", "Authorization", f"Bearer {KEY}", LIST),
        ("openai-compatible", "/v1/models", "Authorization", f"Bearer {KEY}", LIST),
        ("anthropic", "/v1/models", "x-api-key", KEY, LIST),
        ("gemini", "/v1beta/models", "x-goog-api-key", KEY, {"models": [{"name": "models/gemini-2.5-pro"}]}),
    ],
)
async def test_a_key_is_tried_before_it_is_kept(house, serving, kind, path, header, value, body):
    async with serving(guarded(path, header=header, value=value, body=body)) as url:
        base = f"{url}/v1" if KINDS[kind].listing == "openai" else url
        with pytest.raises(Invalid, match=r"^new refused the key \(401\): copy it again") as refused:
            await add(house, kind, url=base, key="sk-wrong-0123456789")
        assert (refused.value.field, await kept(house)) == ("key", [])
        await add(house, kind, url=base)
        assert await kept(house) == ["new"]
        assert (await house.forge.providers.test(house.who, "new")).detail == "new answers and offers 1 models."


async def test_a_list_that_everybody_may_read_proves_no_key_so_a_model_is_asked(house, serving):
    asked = []

    async def answer(request):
        if request.path.endswith("/models"):
            return web.json_response(LIST)
        asked.append(await request.json())
        if request.headers["Authorization"] != f"Bearer {KEY}":
            return web.json_response({"error": {"message": "who are you?"}}, status=401)
        return web.json_response({"choices": [{"message": {"content": "yes"}}]})

    async with serving(answer) as url:
        with pytest.raises(Invalid, match="refused the key"):
            await add(house, "openai-compatible", url=url, key="sk-wrong-0123456789")
        await add(house, "openai-compatible", url=url)
    assert [(body["model"], body["max_tokens"]) for body in asked] == [("m", 1), ("m", 1)]


async def test_openrouter_is_asked_for_what_it_knows_of_the_key(house, serving):
    async def answer(request):
        if request.path == "/api/v1/models":
            return web.json_response(LIST)
        assert request.path == "/api/v1/key"
        good = request.headers["Authorization"] == f"Bearer {KEY}"
        return web.json_response({"data": {}}, status=200 if good else 401)

    async with serving(answer) as url:
        with pytest.raises(Invalid, match="refused the key"):
            await add(house, "openrouter", url=f"{url}/api/v1", key="sk-wrong-0123456789")
        await add(house, "openrouter", url=f"{url}/api/v1")


async def test_an_address_that_is_wrong_is_told_in_a_sentence_and_not_kept(house, serving):
    port = free_port()
    with pytest.raises(Invalid, match=rf"new cannot be reached at http://127\.0\.0\.1:{port}/v1 \(.*check its address"):
        await add(house, "vllm", url=f"http://127.0.0.1:{port}/v1")
    async with serving(guarded("/v1/models")) as url:
        with pytest.raises(Invalid, match=r"new answered 404: check its address") as wrong:
            await add(house, "vllm", url=url)
    assert wrong.value.field == "base_url"
    assert await kept(house) == []


async def test_a_kept_key_is_tried_again_when_only_the_address_changes(house, serving):
    async with serving(guarded("/v1/models")) as url:
        await house.provider(name="new", url="http://127.0.0.1:9/v1")
        await add(house, "openai-compatible", url=f"{url}/v1", key=None)
        with pytest.raises(Invalid, match="new wants a key"):
            await add(house, "openai-compatible", url=f"{url}/v1", key="")


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        ("openai", {"key": ""}, "OpenAI needs Key, such as sk-...: give it."),
        ("vllm", {}, "vLLM needs Address, such as http://gpu-box:8000/v1: give it."),
        ("azure", {"url": "https://x.example"}, "Azure OpenAI needs API version, such as 2024-10-21: give it."),
        ("bedrock", {}, "AWS Bedrock needs Region, such as eu-central-1: give it."),
        ("bedrock", {"region": "x", "access_key_id": "y", "models": "z"}, "Models of AWS Bedrock is a list of texts."),
        ("gemin", {}, f"There is no kind gemin of providers; there is {', '.join(KINDS)}."),
    ],
)
async def test_what_a_kind_needs_is_named(house, kind, given, sentence):
    with pytest.raises(Invalid) as told:
        await add(house, kind, **given)
    assert str(told.value) == sentence


def test_each_kind_asks_for_what_it_needs_alone_and_never_for_a_prefix(house):
    asked = {name: [field.name for field in kind.fields] for name, kind in house.forge.providers.kinds().items()}
    assert asked == {
        "openai": ["key"],
        "anthropic": ["key"],
        "gemini": ["key"],
        "mistral": ["key"],
        "openrouter": ["key"],
        "azure": ["base_url", "api_version", "models", "key"],
        "bedrock": ["region", "access_key_id", "models", "key"],
        "ollama": ["base_url"],
        "lmstudio": ["base_url"],
        "vllm": ["base_url", "key"],
        "openai-compatible": ["base_url", "key"],
    }
    assert all(field.secret == (field.name == "key") for kind in KINDS.values() for field in kind.fields)


async def test_models_that_are_named_are_asked_instead_of_a_list(house, serving):
    async def answer(request):
        assert request.path.endswith("/chat/completions")
        model = (await request.json())["model"]
        if model != "mine":
            return web.json_response({"error": {"message": f"no model {model}, {KEY}"}}, status=404)
        return web.json_response({"choices": [{"message": {"content": "yes"}}]})

    async with serving(answer) as url:
        with pytest.raises(Invalid, match=r"new did not answer as other \(404\): no model other, •••"):
            await add(house, "vllm", url=url, models=["other", "mine"])
        await add(house, "openai-compatible", url=url, models="mine, other")
        assert [m.name for m in await house.forge.models.list(house.who)] == ["new/mine", "new/other"]


async def test_a_model_is_chosen_by_the_name_that_its_provider_gives_it(house):
    house.scripted.script("anthropic/claude-9", ["hello"])
    await house.provider("anthropic/claude-9", name="router")
    paper = await house.run("anthropic/claude-9")
    assert paper.run.model == "router/anthropic/claude-9"
    answer = await house.client(paper).chat.completions.create(model=paper.run.model, messages=ASKED)
    assert answer.choices[0].message.content == "hello"


def test_the_environment_names_providers_of_every_kind_for_which_that_is_customary():
    found = from_environment(
        {
            "GEMINI_API_KEY": "g",
            "MISTRAL_API_KEY": "m",
            "OPENROUTER_API_KEY": "r",
            "AZURE_API_KEY": "z",
            "AZURE_API_BASE": "https://x.openai.azure.com",
            "AZURE_API_DEPLOYMENTS": "gpt-4o, mini",
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_REGION": "eu-central-1",
            "AWS_BEDROCK_MODELS": "amazon.nova-lite-v1:0",
        }
    )
    assert [(s.name, s.kind, s.secret) for s in found] == [
        ("gemini", "gemini", "g"),
        ("mistral", "mistral", "m"),
        ("openrouter", "openrouter", "r"),
        ("azure", "azure", "z"),
        ("bedrock", "bedrock", "s"),
    ]
    azure, bedrock = found[-2:]
    assert azure.settings == {"api_version": "2024-10-21", "models": ["gpt-4o", "mini"]}
    assert bedrock.extra == {
        "aws_region_name": "eu-central-1",
        "aws_access_key_id": "AKIA",
        "aws_secret_access_key": "s",
    }
    assert from_environment({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "x"}) == []


async def test_prices_of_further_owners_come_from_the_map(house):
    await house.provider("mistral-large-latest", name="mistral", kind="mistral", url="http://127.0.0.1:9/v1")
    await house.provider("amazon.nova-lite-v1:0", name="aws", kind="bedrock", url="http://127.0.0.1:9")
    await house.provider("gpt-4o", name="az", kind="azure", url="http://127.0.0.1:9")
    for model in await house.forge.models.list(house.who):
        assert model.input_price, model.name
        assert model.window, model.name


@pytest.fixture
def neighbours(monkeypatch, serving):
    """Lets Ollama and LM Studio be looked for at these addresses."""

    def at(ollama, lmstudio):
        places = (("ollama", ollama, "/api/version"), ("lmstudio", f"{lmstudio}/v1", "/models"))
        monkeypatch.setattr(machine.Machine.__init__, "__defaults__", (places,))

    return at


async def ollama(request):
    bodies = {"/api/version": {"version": "9"}, "/api/tags": {"models": [{"name": "qwen:7b"}]}}
    if request.path.endswith("/chat/completions"):
        return web.json_response({"choices": [{"message": {"role": "assistant", "content": "moo"}}]})
    return web.json_response(bodies[request.path])


async def test_ollama_and_lm_studio_on_the_machine_are_found_by_themselves(open_house, serving, neighbours):
    async with serving(ollama) as one, serving(guarded("/v1/models", header="Accept", value="*/*")) as other:
        neighbours(one, other)
        house = await open_house(find_local_models=True)
        assert [m.name for m in await house.forge.models.list(house.who)] == ["ollama/qwen:7b", "lmstudio/m"]
        paper = await house.run("qwen:7b")
        answer = await house.client(paper).chat.completions.create(model=paper.run.model, messages=ASKED)
        assert answer.choices[0].message.content == "moo"
        listed = await house.forge.providers.all(house.who.tenant_id)
        assert [(p.name, p.found, p.id) for p in listed] == [
            ("ollama", "this machine", ""),
            ("lmstudio", "this machine", ""),
        ]
        await house.provider("x", name="mine", kind="ollama", url=one)
        assert [m.name for m in await house.forge.models.list(house.who)] == ["mine/x", "lmstudio/m"]


async def test_looking_for_them_holds_up_no_list_and_can_be_switched_off(open_house, serving, neighbours):
    asked = []

    async def hanging(request):
        asked.append(request)
        await asyncio.Event().wait()

    async with serving(hanging) as url:
        neighbours(url, f"http://127.0.0.1:{free_port()}")
        house = await open_house(find_local_models=False)
        assert await house.forge.models.list(house.who) == []
        assert asked == []
        house.gateway.catalog._machine = machine.Machine(house.gateway.session)
        started = time.monotonic()
        assert await house.forge.models.list(house.who) == []
        assert time.monotonic() - started < 0.3 + 0.5  # the machine may be busy
        assert await house.forge.models.list(house.who) == []
        assert len(asked) == 1


async def test_how_a_provider_does_is_told_from_its_calls(house):
    steps = [Step(text="hi"), Step(text="hi"), Step(status=500, text="ill"), Step(text="hi")]
    house.scripted.script("m", steps)
    await house.provider("m")
    await house.provider("n", name="idle")
    paper = await house.run("up/m")
    for step in steps:
        asking = house.client(paper).chat.completions.create(model="up/m", messages=ASKED)
        if step.status == 200:
            await asking
        else:
            with pytest.raises(openai.InternalServerError):
                await asking
    await house.calls(paper, 4)
    health = await house.forge.provider_health.list(house.who.tenant_id)
    assert list(health) == ["up"]
    up = health["up"]
    assert (up.calls, up.errors, up.error) == (4, 0.25, "ill")
    assert 0 <= up.latency < 10_000
    assert up.answered_at >= up.failed_at


def claude_at_azure(seen):
    async def answer(request):
        seen.append((request.path, dict(request.query), request.headers.get("api-key"), await request.json()))
        if request.headers.get("api-key") != KEY:
            return web.json_response({"error": {"code": "401", "message": "Access denied"}}, status=401)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}
        usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice]}
        return web.json_response({**body, "usage": usage})

    return answer


@pytest.mark.slow
async def test_azure_is_tried_with_one_token_and_then_answers_by_its_deployment(house, serving):
    seen = []
    async with serving(claude_at_azure(seen)) as url:
        given = {"url": url, "api_version": "2024-10-21", "models": ["my-gpt"]}
        with pytest.raises(Invalid, match="refused the key"):
            await add(house, "azure", key="sk-wrong-0123456789", **given)
        with pytest.raises(Invalid, match=r"new cannot be reached at http://127\.0\.0\.1:\d+ \(no connection\)"):
            await add(house, "azure", **{**given, "url": f"http://127.0.0.1:{free_port()}"})
        await add(house, "azure", **given)
        paper = await house.run("my-gpt")
        answer = await house.client(paper, timeout=60).chat.completions.create(model="new/my-gpt", messages=ASKED)
    assert answer.choices[0].message.content == "hello"
    path, query, key, body = seen[-1]
    assert (path, query) == ("/openai/deployments/my-gpt/chat/completions", {"api-version": "2024-10-21"})
    assert (key, body["messages"]) == (KEY, ASKED)


@pytest.mark.slow
async def test_bedrock_is_asked_with_a_signature_of_its_secret(house, serving):
    seen = []

    async def answer(request):
        seen.append((request.path, request.headers["Authorization"], await request.json()))
        if "AKIAGOOD" not in seen[-1][1]:
            return web.json_response({"message": "The security token included in the request is invalid."}, status=403)
        message = {"role": "assistant", "content": [{"text": "hello"}]}
        usage = {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}
        body = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}
        return web.json_response({**body, "metrics": {"latencyMs": 1}})

    async with serving(answer) as url:
        given = {"url": url, "region": "eu-central-1", "models": ["amazon.nova-lite-v1:0"]}
        with pytest.raises(Invalid, match="new refused the key"):
            await add(house, "bedrock", access_key_id="AKIABAD", **given)
        await add(house, "bedrock", access_key_id="AKIAGOOD", **given)
        paper = await house.run("amazon.nova-lite-v1:0")
        answer = await house.client(paper, timeout=60).chat.completions.create(model=paper.run.model, messages=ASKED)
    assert answer.choices[0].message.content == "hello"
    path, signature, _ = seen[-1]
    assert path == "/model/amazon.nova-lite-v1:0/converse"
    assert "/eu-central-1/bedrock/aws4_request" in signature
    assert KEY not in json.dumps(seen)
