"""The conversation of an agent that keeps none, told again."""

import json

from codeforge.worker.retelling import NAME, Retelling


def test_a_first_turn_is_told_its_words_alone(tmp_path):
    assert Retelling(tmp_path).prompt("Paint the door.", anew=True) == "Paint the door."


def test_a_later_turn_is_told_what_was_asked_and_said_before(tmp_path):
    first = Retelling(tmp_path)
    first.prompt("Paint the door.", anew=True)
    first.said("I take red.")
    first.said("Done.")
    assert Retelling(tmp_path).prompt("Blue, please.", anew=False) == (
        "You have worked on this before; your changes are in the files.\n\n"
        "You were told:\nPaint the door.\n\nYou said:\nI take red.\nDone.\n\nNow:\nBlue, please."
    )


def test_a_task_that_begins_anew_is_told_nothing_of_what_lay_there(tmp_path):
    Retelling(tmp_path).prompt("Paint the door.", anew=True)
    assert Retelling(tmp_path).prompt("Mow the lawn.", anew=True) == "Mow the lawn."
    assert "door" not in (tmp_path / NAME).read_text()


def test_what_cannot_be_read_is_no_conversation_and_a_long_one_stays_small(tmp_path):
    (tmp_path / NAME).write_text("{")
    retelling = Retelling(tmp_path)
    assert retelling.prompt("Paint.", anew=False) == "Paint."
    for _ in range(30):
        retelling.prompt("x" * 100_000, anew=False)
        retelling.said("y" * 100_000)
    kept = json.loads((tmp_path / NAME).read_text())
    assert len(kept) == 20
    assert max(len(part) for turn in kept for part in turn) < 8_100
