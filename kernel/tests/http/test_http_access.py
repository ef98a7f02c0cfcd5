"""Who may come in: tokens with scopes, sessions from one-time links, changes from our own pages, local names."""

from html import escape

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from codeforge import csrf, who

PAGE = {"Accept": "text/html"}


@pytest.fixture
def routes():
    async def page(request):
        return web.Response(text=f"{escape(who(request).user)} {csrf(request)}")

    async def change(request):
        return web.Response(text=f"changed {(await request.post())['colour']}")

    return [web.get("/page", page), web.post("/page", change)]


@pytest.fixture
async def browser(forge, stranger):
    """Signed in by a link; remembers its cookie and knows its CSRF token."""
    browser = stranger
    entered = await browser("POST", "/signin", data={"token": await forge.accounts.link(), "next": "/page?x=1"})
    assert (entered.status, entered.headers["Location"]) == (303, "/page?x=1")
    browser.entered = entered
    browser.csrf = (await browser("GET", "/page")).text.split()[1]
    return browser


async def test_without_a_token_the_api_says_how_to_sign_in(api):
    for sent in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = await api("GET", "/projects", headers=sent)
        assert (answer.status, answer.json["type"]) == (401, "/problems/unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_revoked_token_opens_nothing(api, forge, who):
    token_id, secret = await forge.accounts.new_token(who, "short")
    mine = {"Authorization": f"bearer {secret}"}
    assert (await api("GET", "/projects", headers=mine)).status == 200
    await forge.accounts.revoke_token(who, token_id)
    assert (await api("GET", "/projects", headers=mine)).status == 401


@pytest.mark.parametrize(
    ("scopes", "reads", "writes", "administers"),
    [
        (("read",), 200, 403, 403),
        (("read", "write"), 200, 404, 403),
        (("admin",), 403, 403, 404),
        (("write",), 403, 404, 403),
    ],
)
async def test_a_token_does_what_its_scopes_say(api, forge, who, scopes, reads, writes, administers):
    mine = {"Authorization": "Bearer " + (await forge.accounts.new_token(who, "some", scopes))[1]}
    assert (await api("GET", "/projects", headers=mine)).status == reads
    assert (await api("POST", "/runs/none/stop", headers=mine)).status == writes
    for path in ("/providers/none", "/tokens/none"):
        assert (await api("DELETE", path, headers=mine)).status == administers


async def test_a_token_makes_no_token_that_may_do_more(api, forge, who):
    mine = {"Authorization": "Bearer " + (await forge.accounts.new_token(who, "some", ("read", "admin")))[1]}
    answer = await api("POST", "/tokens", {"name": "more", "scopes": ["write"]}, headers=mine)
    assert (answer.status, answer.json["field"]) == (422, "scopes")


async def test_a_page_without_a_session_leads_to_the_sign_in_and_back(stranger):
    answer = await stranger("GET", "/page?a=b&c=d", headers=PAGE)
    assert answer.status == 303
    assert URL(answer.headers["Location"]) == URL("/signin").with_query(next="/page?a=b&c=d")
    fetched = await stranger("GET", "/page", headers={**PAGE, "Sec-Fetch-Mode": "cors"})
    assert fetched.status == 401


async def test_a_link_signs_in_once(browser, forge):
    link = await forge.accounts.link()
    assert (await browser("POST", "/signin", data={"token": link})).headers["Location"] == "/"
    assert (await browser("POST", "/signin", data={"token": link})).status == 401


async def test_the_cookie_is_kept_from_scripts_and_other_sites(browser):
    cookie = browser.entered.headers["Set-Cookie"]
    assert cookie.startswith("codeforge=cfses_")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


async def test_over_tls_the_cookie_is_for_this_host_alone(api, forge):
    tls = {"X-Forwarded-Proto": "https", "Origin": api.url.replace("http:", "https:")}
    answer = await api("POST", "/signin", data={"token": await forge.accounts.link()}, headers=tls)
    assert answer.headers["Set-Cookie"].startswith("__Host-codeforge=")
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "next", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "x", ""]
)
async def test_signing_in_never_leads_to_another_site(api, forge, next):
    answer = await api("POST", "/signin", data={"token": await forge.accounts.link(), "next": next})
    assert answer.headers["Location"] == "/"


async def test_another_sites_page_cannot_sign_somebody_in(api, forge):
    link = await forge.accounts.link()
    for sent in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert (await api("POST", "/signin", data={"token": link}, headers=sent)).status == 403
    assert (await api("POST", "/signin", data={"token": link})).status == 303


async def test_guessing_links_is_slowed_down(api, forge):
    tries = [(await api("POST", "/signin", data={"token": "guess"})).status for _ in range(12)]
    assert tries == [401] * 10 + [429] * 2
    late = await api("POST", "/signin", data={"token": await forge.accounts.link()})
    assert (late.status, late.headers["Retry-After"]) == (429, "60")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": "good"}, 200),
        ({"X-CSRF-Token": "good", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"X-CSRF-Token": "good", "Sec-Fetch-Site": "same-site"}, 403),
        ({"X-CSRF-Token": "good", "Origin": "https://evil.example"}, 403),
    ],
)
async def test_a_browsers_change_needs_the_token_and_our_own_page(browser, run, sent, status):
    sent = {name: value.replace("good", browser.csrf) for name, value in sent.items()}
    assert (await browser("POST", f"/runs/{run.id}/stop", headers=sent)).status == status
    assert (await browser("GET", "/runs")).status == 200


async def test_a_form_brings_the_token_in_a_field(browser):
    assert (await browser("POST", "/page", data={"colour": "red"})).status == 403
    good = await browser("POST", "/page", data={"colour": "red", "csrf": browser.csrf})
    assert good.text == "changed red"


PART = b'--b\r\nContent-Disposition: form-data; name="token"\r\n'


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("application/x-www-form-urlencoded; charset=utf-7", b"token=+2AA-"),
        ("application/x-www-form-urlencoded; charset=none", b"token=x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", PART + b"Content-Transfer-Encoding: odd\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART + b"A: " + b"x" * 9000 + b"\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART + b": x\r\n\r\nx\r\n--b--\r\n"),
    ],
)
async def test_a_form_that_makes_no_sense_is_the_senders_fault(stranger, kind, sent):
    answer = await stranger("POST", "/signin", data=sent, headers={"Content-Type": kind})
    assert (answer.status, "The form cannot be read" in answer.text) == (400, True)


async def test_signing_out_ends_the_session_everywhere(browser):
    cookie = browser.entered.headers["Set-Cookie"].split(";")[0]
    out = await browser("POST", "/signout", data={"csrf": browser.csrf})
    assert (out.status, out.headers["Location"]) == (303, "/signin")
    assert (await browser("GET", "/projects", headers={"Cookie": cookie})).status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5", "", "[", "localhost.evil.example"]
)
async def test_a_foreign_name_for_this_machine_is_refused(api, host):
    answer = await api("GET", "/health", headers={"Host": host})
    assert (answer.status, answer.json["type"]) == (403, "/problems/forbidden")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:1", "[::1]:8700"])
async def test_local_names_are_accepted_with_any_port(api, host):
    assert (await api("GET", "/health", headers={"Host": host})).status == 200


async def test_another_sites_script_cannot_open_the_stream(browser):
    url = browser.url.replace("http:", "ws:") + "/api/v1/stream"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await browser.session.ws_connect(url, headers={"Origin": "http://evil.example"})
    assert refused.value.status == 403
    async with browser.session.ws_connect(url, headers={"Origin": browser.url}):
        pass
