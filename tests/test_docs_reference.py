"""The documents say what the code says: every hook, setting, command, path, state and reason, as it is today."""

import difflib
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))

from reference import PICTURES, SECTIONS, held, hooks, settings  # noqa: E402
from reference.commands import usage, walk  # noqa: E402
from reference.sources import signature  # noqa: E402

from codeforge import hookspecs  # noqa: E402
from codeforge.http.openapi import document  # noqa: E402
from codeforge.http.resources import OPERATIONS  # noqa: E402
from codeforge.model import ADVICE, TRANSITIONS, Reason, RunState  # noqa: E402
from codeforge.states import MOVES  # noqa: E402

WHERE = {name: page for page in DOCS.glob("*.md") for name in held(page.read_text())}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_reference_section_is_as_the_code_says(name):
    assert name in WHERE, f"no document has a section {name}: put its markers into one"
    stands = held(WHERE[name].read_text())[name].splitlines()
    behind = [
        line
        for line in difflib.ndiff(stands, SECTIONS[name]().strip().splitlines())
        if line[0] in "+-" and line[1:].strip()
    ]
    told = "\n".join(behind[:20])
    assert not behind, f"{WHERE[name].name} is behind the code: run `python docs/write_reference.py`\n{told}"


def guide():
    return (DOCS / "guide.md").read_text()


def test_every_hook_stands_with_its_signature_and_words():
    text = (DOCS / "plugins.md").read_text()
    for hook in hooks.hooks():
        assert f"#### {hook.name}\n\n```python\n{signature(hookspecs, hook)}\n```\n\n" in text, hook.name


def test_every_setting_stands_with_its_variable_and_sentence():
    for name, kind, default, words in settings.rows():
        assert words, f"the setting {name} has no sentence"
        row = f"| `{name}` | `CODEFORGE_{name.upper()}` | `{kind}` | {default} | {words} |"
        assert row.replace(" | None", " \\| None") in guide(), name


def test_every_command_stands_with_its_usage():
    found = list(walk())
    assert len(found) > 25
    for context in found:
        assert f"#### {context.command_path}\n\n```\n{usage(context)}\n```\n" in guide(), context.command_path
        for option in context.command.params:
            for name in option.opts if option.param_type_name == "option" else ():
                assert f"{name}" in guide(), f"{context.command_path} {name}"


def test_every_rest_path_and_method_stands():
    for path, methods in document(OPERATIONS)["paths"].items():
        for method in methods:
            assert f"| `{method.upper()} /api/v1{path}` |" in guide(), (method, path)


def test_every_reason_stands_with_its_advice():
    assert set(ADVICE) == set(Reason)
    for reason in Reason:
        assert f"| `{reason}` | {ADVICE[reason]} |" in guide(), reason


def test_every_state_stands_with_those_that_may_follow():
    rows = {line.split("`")[1]: line for line in held(guide())["states"].splitlines() if line.startswith("| `")}
    assert set(rows) == set(RunState)
    for state, row in rows.items():
        onward = row.rsplit("|", 2)[1]
        assert {after for after in RunState if f"`{after}`" in onward} == TRANSITIONS[RunState(state)], state


def test_every_change_of_a_state_stands_with_who_causes_it():
    rows = [line for line in held(guide())["moves"].splitlines() if line.startswith("| `")]
    assert len(rows) == len(MOVES)
    for row, move in zip(rows, MOVES, strict=True):
        cells = [move.before, move.after, ", ".join(move.who), move.why, move.work]
        assert [cell.strip(" `") for cell in row.strip("|").split("|")] == cells


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_the_code_says(name):
    stands = (DOCS / "images" / name).read_text()
    assert stands == PICTURES[name](), f"{name} is behind the code: run `python docs/write_reference.py`"
    assert any(f"(images/{name})" in page.read_text() for page in DOCS.glob("*.md")), f"no document shows {name}"
