"""News: told after the commit to those who wait for just that, here and on other servers."""

import asyncio

import pytest

from codeforge.errors import Invalid
from codeforge.events import said
from codeforge.forge import history
from codeforge.news import MISSED, News, events
from codeforge.store import Store

RUN = {"id": "r1", "tenant_id": "t1"}


async def test_a_bell_rings_for_its_topic_alone():
    news = News()
    with news.bell("a") as a, news.bell("b") as b:
        news.tell(["a"])
        assert (a.is_set(), b.is_set()) == (True, False)
    news.tell(["a", "b"])  # nobody waits any more


async def test_other_servers_are_told_what_is_told_here_and_not_what_is_heard():
    here, there, sent = News(), News(), []

    async def send(message):
        sent.append(message)
        there.hear(message)
        return True

    spreading = asyncio.create_task(here.spread(send))
    await asyncio.sleep(0)
    with there.bell("a") as bell:
        here.hear({"topics": ["x"]})
        here.tell(["a"])
        here.tell(["b", "a"])
        await asyncio.wait_for(bell.wait(), 5)
    spreading.cancel()
    assert sent == [{"topics": ["a", "b"]}]


async def test_a_transaction_tells_after_its_commit_and_not_when_it_fails(tmp_path):
    store = await Store.open(tmp_path)

    def work(door, fail):
        history.append(door, RUN, [said("x")])
        if fail:
            raise Invalid("no")

    with store.news.bell(events("r1")) as run, store.news.bell(events("t1")) as tenant:
        with pytest.raises(Invalid):
            await store.run(None, work, True)
        await asyncio.sleep(0)
        assert not run.is_set()
        await store.run(None, work, False)
        await asyncio.wait_for(asyncio.gather(run.wait(), tenant.wait()), 5)
    await store.close()


async def test_news_that_could_not_be_sent_are_sent_again_with_those_that_came_meanwhile(monkeypatch):
    monkeypatch.setattr("codeforge.news.AGAIN", 0.01)
    news, sent, away = News(), asyncio.Queue(), [True, True, False]

    async def send(message):
        if away.pop(0):
            news.tell(["two"])
            return False
        await sent.put(message)
        return True

    spreading = asyncio.create_task(news.spread(send))
    await asyncio.sleep(0)
    news.tell(["one"])
    assert await asyncio.wait_for(sent.get(), 5) == {"topics": ["one", "two"]}
    spreading.cancel()


async def test_all_look_again_when_news_may_have_been_missed():
    news = News()
    with news.bell("one") as one, news.bell("two") as two:
        news.hear({"topics": ["one"]})
        assert (one.is_set(), two.is_set()) == (True, False)
        news.hear(MISSED)
        assert two.is_set()
