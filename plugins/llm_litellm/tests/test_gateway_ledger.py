"""The ledger against the provider's own bill: calls of random shapes, on one server and on two at once.

What a provider bills for a stream that broke off before it told any use is nobody's to know but the provider's. Here it
bills such a call by the rule that the gateway documents for its own count: a token for four bytes of the messages that
it was asked with, and for four of what it had sent. All else it bills by the use that it reports.
"""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

import aiohttp
import pytest
from aiohttp import web

from codeforge.testing import PrivatePostgres

DOLLARS = {"input": Decimal("2.5"), "cached": Decimal("1.25"), "written": Decimal("3.125"), "output": Decimal(10)}
"""For a million tokens, which are micro-dollars for one."""
PRICES = {name: float(price) for name, price in DOLLARS.items()}
AT_ONCE = 40
MOST = 400
"""Tokens of an answer, which each request gives as its max_tokens."""


def bytes_in_four(text):
    return -(-len(text.encode()) // 4)


@dataclass
class Bank:
    """A provider that does with each request what it says in its first message, and keeps its own bill."""

    bill: list = field(default_factory=list)
    asked: int = 0

    def owe(self, body, prompt, completion, cached=0, written=0):
        micro = None
        if body["model"] == "m":
            fresh = prompt - cached - written
            parts = ((fresh, "input"), (cached, "cached"), (written, "written"), (completion, "output"))
            whole = sum(tokens * DOLLARS[name] for tokens, name in parts)
            micro = int(Decimal(whole).quantize(Decimal(1), ROUND_HALF_UP))
        self.bill.append((body["model"], prompt, completion, cached, written, micro))

    def owe_by_the_rule(self, body, sent):
        asked = json.dumps([body["messages"]], ensure_ascii=False)
        self.owe(body, bytes_in_four(asked), bytes_in_four(sent))

    async def answer(self, request):
        self.asked += 1
        body = await request.json()
        wish = json.loads(body["messages"][0]["content"])
        shape, used = wish["shape"], wish["used"]
        if shape in ("busy", "broken"):
            error = {"error": {"message": shape, "code": shape}}
            return web.json_response(error, status={"busy": 429, "broken": 500}[shape])
        if shape == "silent":
            self.owe_by_the_rule(body, "")
            request.transport.close()
            return web.Response()
        usage = {
            "prompt_tokens": used["prompt"],
            "completion_tokens": used["completion"],
            "prompt_tokens_details": {"cached_tokens": used["cached"]},
            "cache_creation_input_tokens": used["written"],
        }
        if not body.get("stream"):
            self.owe(body, **used)
            message = {"role": "assistant", "content": wish["text"]}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            return web.json_response({"object": "chat.completion", "choices": choices, "usage": usage})
        return await self._stream(request, body, wish, usage)

    async def _stream(self, request, body, wish, usage):
        shape, pieces = wish["shape"], [wish["text"][n : n + 7] for n in range(0, len(wish["text"]), 7)]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)

        async def say(**data):
            await response.write(b"data: " + json.dumps(data).encode() + b"\n\n")

        async def delta(**said):
            await say(choices=[{"index": 0, "delta": said, "finish_reason": None}])

        whole = shape in ("stream", "error after use")
        kept = pieces if whole else pieces[: max(1, len(pieces) // 2)]
        for piece in kept:
            await delta(content=piece)
        sent = "".join(kept)
        if shape == "cut in a tool":
            await delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "edit", "arguments": '{"pa'}}])
            sent += 'edit{"pa'
        if whole:
            self.owe(body, **wish["used"])
            await say(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
            await say(choices=[], usage=usage)
        else:
            self.owe_by_the_rule(body, sent)
        if shape.startswith("error"):
            await say(error={"message": "overloaded", "code": "overloaded"})
        if shape == "left":
            await asyncio.Event().wait()  # ends when the gateway closes, because its client has gone
        if shape.startswith("cut"):
            request.transport.close()
            return response
        await response.write(b"data: [DONE]\n\n")
        return response


SHAPES = {
    "whole": 6,
    "stream": 6,
    "error after use": 1,
    "error before use": 1,
    "cut": 2,
    "cut in a tool": 1,
    "left": 1,
    "silent": 1,
    "busy": 1,
    "broken": 1,
}
"""What becomes of calls, and how often; those that are busy or broken are tried again."""


def wish(chance):
    """What one call is to be."""
    prompt = chance.randrange(1, 300)
    cached = chance.choice((0, chance.randrange(0, prompt)))
    used = {"prompt": prompt, "completion": chance.randrange(1, MOST), "cached": cached}
    used["written"] = chance.choice((0, chance.randrange(0, prompt - cached + 1)))
    text = "".join(chance.choice("abc def\n€漢") for _ in range(chance.randrange(1, 120)))
    return {"shape": chance.choices(list(SHAPES), list(SHAPES.values()))[0], "used": used, "text": text}


async def call(session, url, key, model, wanted):
    """One call as an agent makes it; gives the status."""
    streamed = wanted["shape"] not in ("whole", "silent", "busy", "broken")
    body = {"model": model, "max_tokens": MOST, "stream": streamed}
    body["messages"] = [{"role": "user", "content": json.dumps(wanted)}]
    head = {"Authorization": f"Bearer {key}"}
    async with session.post(f"{url}/chat/completions", json=body, headers=head) as answer:
        if wanted["shape"] != "left" or answer.status != 200:
            await answer.read()
            return answer.status
        pieces, seen = -(-len(wanted["text"]) // 7), 0
        while seen < max(1, pieces // 2):
            line = await answer.content.readline()
            seen += line.startswith(b"data:")
        answer.close()
        return answer.status


async def persist(session, url, key, model, wanted):
    """Calls until there is an answer or no money; gives the statuses."""
    statuses = [await call(session, url, key, model, wanted)]
    while statuses[-1] in (429, 500):
        wanted = {**wanted, "shape": "whole"}
        statuses.append(await call(session, url, key, model, wanted))
    return statuses


@pytest.fixture(scope="session")
def postgres():
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(
    params=[
        "one server",
        pytest.param("two servers", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")]),
    ]
)
async def houses(request, open_house, tmp_path):
    """Servers of one database, whose runs' keys outlast the test."""
    if request.param == "one server":
        return [await open_house(lease=7200)]
    url = request.getfixturevalue("postgres").new_database()
    return [await open_house(lease=7200, database_url=url, data_dir=tmp_path / name) for name in ("a", "b")]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", [300, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_what_the_provider_billed_is_what_the_ledger_says_and_no_budget_is_exceeded(houses, serving, number):
    house, bank, chance = houses[0], Bank(), random.Random(number)
    async with serving(bank.answer) as url:
        await house.provider("m", "mystery", url=f"{url}/v1", prices={"m": PRICES})
        free, poor, mystery = [await house.run(f"up/{name}") for name in ("m", "m", "mystery")]
        limit = number * 300  # a poor run's part of the calls would cost about five times as much
        await house.forge.budgets.set(house.who, "run", poor.run.id, "total", limit)
        places = asyncio.Semaphore(AT_ONCE)
        timeout = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:

            async def one():
                paper = chance.choices((free, poor, mystery), (5, 4, 1))[0]
                wanted, server = wish(chance), chance.choice(houses)
                async with places:
                    return await persist(session, server.url, paper.key, paper.run.model, wanted)

            outcomes = [status for tried in await asyncio.gather(*(one() for _ in range(number))) for status in tried]
        rows = []
        for paper in (free, poor, mystery):
            async with asyncio.timeout(60):
                while any(row["state"] == "open" for row in await house.forge.calls.of_run(house.who, paper.run.id)):
                    await asyncio.sleep(0.02)
            rows += await house.forge.calls.of_run(house.who, paper.run.id)
    figures = ("prompt_tokens", "completion_tokens", "cached_tokens", "written_tokens", "cost_micro")
    owed = [(row["model"].removeprefix("up/"), *(row[name] for name in figures)) for row in rows]
    nothing = [line for line in owed if line[1:] == (0, 0, 0, 0, 0)]
    refused = [row for row in rows if row["status"] in (429, 500)]
    assert len(nothing) == len(refused)  # what the provider refused, it did not bill
    assert Counter(owed) - Counter(nothing) == Counter(bank.bill)
    assert sum(line[-1] or 0 for line in owed) == sum(line[-1] or 0 for line in bank.bill)
    assert len(rows) == bank.asked
    unpriced = [row for row in rows if row["counted"] == "unpriced"]
    assert {row["model"] for row in unpriced} == {"up/mystery"}
    usage = (await house.forge.runs.get(house.who, mystery.run.id)).usage
    assert (usage.unpriced, usage.cost_micro) == (len(unpriced), None)
    [budget] = await house.forge.budgets.list(house.who, run_id=poor.run.id)
    assert outcomes.count(402) > 0
    assert limit * 0.5 < budget.spent_micro <= limit
    assert budget.held_micro == 0
    assert budget.spent_micro == sum(row["cost_micro"] or 0 for row in rows if row["run_id"] == poor.run.id)
    assert all(row["cost_micro"] <= row["held_micro"] for row in rows if row["cost_micro"])
