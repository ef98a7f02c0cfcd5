"""Behind proxies: whose word counts for where a request comes from and whether the browser speaks TLS."""

from ipaddress import ip_network

import pytest

GUESS = {"token": "guess"}


def trust(forge, *networks):
    proxies = tuple(ip_network(network) for network in networks)
    forge.settings = forge.settings.model_copy(update={"trusted_proxies": proxies})


async def cookie(api, forge, headers):
    answer = await api("POST", "/signin", data={"token": await forge.accounts.link()}, headers=headers)
    return answer.headers["Set-Cookie"]


async def test_a_proxy_that_is_not_trusted_cannot_say_that_the_browser_speaks_tls(api, forge):
    trust(forge, "10.0.0.0/8")
    assert (await cookie(api, forge, {"X-Forwarded-Proto": "https"})).startswith("codeforge=")


async def test_a_trusted_proxy_says_whether_the_browser_speaks_tls(api, forge):
    trust(forge, "10.0.0.0/8", "127.0.0.0/8")
    assert (await cookie(api, forge, {"X-Forwarded-Proto": "https"})).startswith("__Host-codeforge=")
    assert (await cookie(api, forge, {"X-Forwarded-Proto": "http"})).startswith("codeforge=")


async def guesses(api, *addresses):
    """The answers to one wrong attempt to sign in from each address."""
    return [(await api("POST", "/signin", data=GUESS, headers={"X-Forwarded-For": at})).status for at in addresses]


async def test_guessers_behind_a_trusted_proxy_are_counted_each_by_themselves(api):
    assert await guesses(api, *["198.51.100.7"] * 11) == [401] * 10 + [429]
    assert await guesses(api, "198.51.100.8") == [401]


async def test_what_a_guesser_writes_before_the_proxys_word_changes_nothing(api):
    assert await guesses(api, *[f"203.0.113.{n}, 198.51.100.7" for n in range(11)]) == [401] * 10 + [429]


async def test_a_chain_of_trusted_proxies_is_followed_to_the_first_stranger(api, forge):
    trust(forge, "127.0.0.0/8", "10.1.0.0/16")
    assert await guesses(api, *[f"203.0.113.{n}, 198.51.100.7, 10.1.0.{n}" for n in range(11)]) == [401] * 10 + [429]
    assert await guesses(api, "198.51.100.9, 10.1.0.1") == [401]


@pytest.mark.parametrize("made_up", ["", "nonsense", "unknown, ,", "198.51.100.7:99999", "x" * 500])
async def test_a_header_that_is_no_list_of_addresses_counts_as_the_proxy_itself(api, made_up):
    assert await guesses(api, *[made_up] * 11) == [401] * 10 + [429]


async def test_strangers_cannot_choose_the_address_that_they_are_counted_by(api, forge):
    trust(forge)
    assert await guesses(api, *[f"203.0.113.{n}" for n in range(11)]) == [401] * 10 + [429]
