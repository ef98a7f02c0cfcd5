"""What workers and servers send each other: the same on both sides, signed, and lenient to the neighbouring version."""

import json
from datetime import UTC, datetime

import pytest

from codeforge import __version__, versions, wire
from codeforge.coordination import Assignment, Orders
from codeforge.errors import Conflict, Forbidden, Invalid
from codeforge.events import said
from codeforge.llm import Model
from codeforge.model import Change, CheckResult, Hours, Project, Run, RunState, Task

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
PROJECT = Project(
    id="p", tenant_id="t", name="shop", url="/shop", scm="git", branch="main", agent="a", model="m", created_at=NOW,
    labels=("gpu",), hours=Hours(zone="Europe/Berlin"),
)  # fmt: skip
TASK = Task(id="k", tenant_id="t", project_id="p", title="x", prompt="Größe", created_at=NOW)
CHANGE = Change(base="b" * 40, head="c" * 40, files=1, added=2, deleted=3)
RUN = Run(
    id="r", tenant_id="t", project_id="p", task_id="k", number=1, follows=None, prompt="x", agent="a", model="m",
    state=RunState.PREPARING, change=CHANGE, created_at=NOW,
)  # fmt: skip
JOB = Assignment(
    run=RUN, task=TASK, project=PROJECT, model=Model(name="m", provider="p"), gateway="http://g/llm/v1", key="cfrun_x",
    memory=b"\x00\xff", base="b" * 40,
)  # fmt: skip


def report(**more):
    facts = {"change": CHANGE, "check": CheckResult(command="make", exit=None, seconds=1.5), "detail": "ö"}
    given = {"run_id": "r", "generation": 2, "number": 7, "events": (said("hello"),), "facts": facts}
    return wire.Report(**{**given, "state": RunState.REVIEW, "words_seen": 1, **more})


def test_an_assignment_arrives_as_it_was_sent():
    assert wire.ASSIGNMENT.validate_json(wire.ASSIGNMENT.dump_json(JOB)) == JOB


def test_what_a_newer_side_adds_is_passed_over_and_what_an_older_one_lacks_has_its_default():
    sent = json.loads(wire.ASSIGNMENT.dump_json(JOB))
    sent["new"], sent["run"]["new"] = 1, {"deep": True}
    del sent["resumed"], sent["run"]["retries"], sent["project"]["disk_mb"]
    assert wire.ASSIGNMENT.validate_json(json.dumps(sent)) == JOB
    orders = Orders(want="stop", words=(("1", "hi"),), reported=3)
    sent = json.loads(wire.ORDERS.dump_json(orders))
    assert wire.ORDERS.validate_json(json.dumps({**sent, "new": 1})) == orders


def test_a_report_arrives_as_it_was_sent_and_tells_its_sender():
    message = wire.seal(report(), "worker-1", "secret")
    assert wire.sender(message) == "worker-1"
    assert wire.unseal(message, "secret") == report()
    assert wire.unseal(wire.seal(report(state=None, facts={}), "w", "s"), "s") == report(state=None, facts={})


def test_a_report_with_another_signature_or_changed_words_is_refused():
    message = wire.seal(report(), "worker-1", "secret")
    with pytest.raises(Forbidden, match="worker-1 is not signed with its token"):
        wire.unseal(message, "another")
    with pytest.raises(Forbidden):
        wire.unseal(message.replace(b"hello", b"hallo"), "secret")


@pytest.mark.parametrize("junk", [b"", b"[]", b"{}", b'"x"', b"\xff", b'{"worker": 1, "mac": "x"}'])
def test_what_is_no_report_is_refused_in_a_sentence(junk):
    with pytest.raises(Invalid, match="queue of reports"):
        wire.sender(junk)


@pytest.mark.parametrize("said_", ['{"run_id": 1}', "[]", '{"events": [["no kind", {}]], "facts": {}}'])
def test_a_signed_report_that_makes_no_sense_is_refused(said_):
    envelope = {"worker": "w", "mac": wire._mac(said_, "s"), "report": said_}
    with pytest.raises(Invalid, match="cannot be read"):
        wire.unseal(json.dumps(envelope).encode(), "s")


def test_neighbouring_minor_versions_understand_each_other_and_others_are_refused():
    major, minor, *_ = __version__.split(".")
    for near in (minor, int(minor) + 1, abs(int(minor) - 1)):
        versions.check(f"{major}.{near}.9", "worker")
    for far in (f"{major}.{int(minor) + 2}.0", f"{int(major) + 1}.0.0", "", "x"):
        with pytest.raises(Conflict, match="more than one minor version"):
            versions.check(far, "worker")
