"""Bad input gets a clear answer: what was wrong, where, what to do; never a stack trace."""

import io
import logging

import aiohttp
import pytest
from aiohttp import web

from codeforge import failure, public

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def routes():
    async def breaks(request):
        raise RuntimeError("the secret is 12345")

    async def breaks_later(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"so far")
        raise RuntimeError("the secret is 12345")

    async def page(request):
        return web.Response(text="<p>Page", content_type="text/html")

    @public
    async def error_page(request):
        what = failure(request)
        return web.Response(text=f"<h1>{what.status}</h1><p>{what.sentence}", content_type="text/html")

    return [
        web.get("/api/v1/x/breaks", breaks),
        web.get("/api/v1/x/breaks_later", breaks_later),
        web.get("/page", page),
        web.get("/page/breaks", breaks),
        web.get("/page/error", error_page, name="error_page"),
    ]


async def test_a_problem_says_what_where_and_what_to_do(api, project):
    answer = await api("POST", f"/projects/{project.id}/tasks", {"prompt": "x", "agent": "nobody"})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json == {
        "type": "/problems/not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no agent nobody; there is shell.",
        "field": "agent",
    }


@pytest.mark.parametrize(
    ("raw", "status", "words"),
    [
        (b"", 415, "Content-Type"),
        (b"{", 400, "no JSON"),
        (b'{"prompt": NaN}', 400, "NaN"),
        (b'{"prompt": "x", "priority": -Infinity}', 400, "Infinity"),
        (b'{"prompt": "\\ud800"}', 400, "no JSON"),
        (b'{"prompt": "\xff"}', 400, "UTF-8"),
        (b'{"prompt": "a", "prompt": "b"}', 400, "more than once"),
        (b"[" * 100_000, 400, "nested"),
        (b'{"a":' * 990 + b"1" + b"}" * 990, 400, "nested"),
        (b'{"priority": ' + b"9" * 5000 + b"}", 400, "no JSON"),
        (b'{"prompt": "a\\u0000b"}', 422, "NUL"),
        (b'{"prompt": "x", "title": "a\\u0000b"}', 422, "NUL"),
        (b'{"prompt": " "}', 422, "empty"),
        (b'{"prompt": 5}', 422, "prompt"),
        (b"[]", 422, "body"),
        (b"{}", 422, "prompt is missing"),
        (b'{"prompt": "x", "colour": "red"}', 422, "no field colour"),
        (b'{"prompt": "x", "priority": "high"}', 422, "priority"),
        (b'{"prompt": "x", "priority": 10000000}', 422, "priority"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused_and_nothing_is_kept(api, project, raw, status, words):
    kind = JSON if raw else {"Content-Type": "text/plain"}
    answer = await api("POST", f"/projects/{project.id}/tasks", data=raw, headers=kind)
    assert (answer.status, answer.json["status"]) == (status, status)
    assert words in answer.json["detail"]
    assert (await api("GET", "/runs")).json["items"] == []


async def test_a_prompt_of_a_megabyte_gets_a_sentence_and_a_larger_body_another(api, project):
    path = f"/projects/{project.id}/tasks"
    long = await api("POST", path, data=io.BytesIO(b'{"prompt": "' + b"x" * 1_000_000 + b'"}'), headers=JSON)
    assert (long.status, long.json["field"]) == (422, "prompt")
    assert "1,000,000 characters" in long.json["detail"]
    longer = await api("POST", path, data=io.BytesIO(b'{"prompt": "' + b"x" * 3_000_000 + b'"}'), headers=JSON)
    assert (longer.status, longer.json["type"]) == (413, "/problems/too-large")


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("limit=1&limit=2", "limit"), ("colour=red", "colour")],
)
async def test_a_parameter_that_makes_no_sense_is_refused(api, query, field):
    answer = await api("GET", f"/runs?{query}")
    assert (answer.status, answer.json["field"]) == (422, field)


async def test_what_is_not_served_is_a_problem_too(api):
    assert (await api("GET", "/nothing")).json["type"] == "/problems/not-found"
    wrong = await api("DELETE", "/runs")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET,HEAD")


async def test_an_unexpected_error_is_logged_once_and_shown_to_nobody(api, caplog):
    answer = await api("GET", "/x/breaks")
    assert answer.status == 500
    assert "12345" not in answer.text
    [logged] = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert answer.headers["X-Request-ID"] in logged.getMessage()
    assert answer.headers["X-Request-ID"] in answer.json["detail"]


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(api, caplog):
    with pytest.raises(aiohttp.ClientPayloadError):
        await api("GET", "/x/breaks_later")
    assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1


async def test_a_page_that_fails_is_shown_by_the_error_page(api):
    html = {"Accept": "text/html"}
    broken = await api("GET", "/page/breaks", headers=html)
    assert broken.status == 500
    assert broken.text.startswith("<h1>500</h1>")
    assert "12345" not in broken.text
    assert (await api("GET", "/page/nothing", headers=html)).text.startswith("<h1>404</h1>")
    assert (await api("GET", "/page/nothing")).text.startswith("Not Found\n")
    assert (await api("GET", "/nothing", headers=html)).json["status"] == 404


async def test_every_answer_carries_the_strict_headers(api):
    for path in ("/health", "/nothing", "/x/breaks", "/page"):
        headers = (await api("GET", path)).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == ("private, no-cache" if path == "/page" else "no-store")
        assert "aiohttp" not in headers["Server"]
