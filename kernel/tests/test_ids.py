"""Ids: unlike, and in the order in which they were made."""

from codeforge.ids import LENGTH, new_id


def test_ids_sort_as_they_were_made_however_quickly():
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {LENGTH}


def test_ids_sort_as_they_were_made_when_the_clock_is_set_back(monkeypatch):
    before = new_id()
    monkeypatch.setattr("codeforge.ids.time.time_ns", lambda: 0)
    assert before < new_id() < new_id()
