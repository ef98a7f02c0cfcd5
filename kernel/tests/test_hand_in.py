"""Words for an agent at work lie in its state, and nowhere else, until its runner takes them."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from codeforge import DrivenAgent
from codeforge.testing import until


class Driven(DrivenAgent):
    name = title = "driven"
    runner = Path("/nowhere")

    async def launcher(self, job):
        return []


async def test_words_are_handed_in_until_they_are_read(tmp_path):
    handing = asyncio.create_task(Driven().hand_in(SimpleNamespace(state=tmp_path), "Blue, please."))
    await until(lambda: list(tmp_path.glob("inbox/*.txt")))
    [path] = tmp_path.glob("inbox/*.txt")
    assert path.read_text() == "Blue, please."
    path.unlink()
    assert await handing


async def test_words_that_nobody_reads_are_taken_back(tmp_path):
    handing = asyncio.create_task(Driven().hand_in(SimpleNamespace(state=tmp_path), "Blue, please."))
    await until(lambda: list(tmp_path.glob("inbox/*.txt")))
    handing.cancel()
    await asyncio.wait([handing])
    assert list((tmp_path / "inbox").iterdir()) == []


async def test_a_link_in_the_place_of_the_inbox_leads_them_nowhere(tmp_path):
    for name in ("state", "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "state" / "inbox").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="inbox"):
        await Driven().hand_in(SimpleNamespace(state=tmp_path / "state"), "Blue, please.")
    assert list((tmp_path / "outside").iterdir()) == []
