"""News: who waits is woken, and what could not be sent is sent again."""

import asyncio

from codeforge.news import MISSED, News


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
