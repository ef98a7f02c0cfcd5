"""The conversation of an agent that keeps none, told again."""

import pytest

from codeforge import Retelling


def conversation(*turns):
    retelling = Retelling()
    for asked, *said in turns:
        retelling.begin(asked)
        for text in said:
            retelling.said(text)
    return retelling


def test_a_first_turn_is_told_its_words_alone():
    assert Retelling().prompt("Paint the door.") == "Paint the door."


def test_a_later_turn_is_told_what_was_asked_and_said_before():
    later = Retelling()
    later.load(conversation(("Paint the door.", "I take red.", "Done.")).dump())
    assert later.prompt("Blue, please.") == (
        "You have worked on this before; your changes are in the files.\n\n"
        "You were told:\nPaint the door.\n\nYou said:\nI take red.\nDone.\n\nNow:\nBlue, please."
    )


@pytest.mark.parametrize("text", ["", "{", "[1]", "[[1]]", "null", b"\xff"])
def test_what_cannot_be_read_is_no_conversation(text):
    retelling = Retelling()
    with pytest.raises(ValueError, match=r"."):
        retelling.load(text)
    assert retelling.prompt("Paint.") == "Paint."


def test_a_long_conversation_stays_small():
    retelling = conversation(*(("x" * 100_000, "y" * 100_000) for _ in range(30)))
    assert len(retelling.turns) == 20
    assert max(len(part) for turn in retelling.turns for part in turn) < 8_100
    assert len(retelling.prompt("Now.")) < 101_000


def test_the_oldest_turns_are_left_out_where_the_models_window_is_small():
    told = conversation(("first", "1" * 900), ("second", "2" * 900)).prompt("Now.", window=1_000)
    assert ("first" in told, "second" in told) == (False, True)
