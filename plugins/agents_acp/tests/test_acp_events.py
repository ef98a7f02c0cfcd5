"""What an agent tells becomes events, and what it asks of CodeForge is answered within the workspace only."""

import json

import pytest

from codeforge import Kind

MAKE = {"toolCallId": "t1", "title": "Run the tests", "kind": "execute", "rawInput": {"command": "make test"}}
OPTIONS = [
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "once", "name": "Allow once", "kind": "allow_once"},
    {"optionId": "no", "name": "Refuse", "kind": "reject_once"},
]


async def test_words_come_by_lines_and_thoughts_apart(plain, desk):
    deeds = [
        ("say", "I wi"),
        ("say", "ll look.\nThen"),
        ("think", "Hm.\n"),
        ("say", " I größe 名前"),
        ("end", "end_turn"),
    ]
    last = await desk.do(plain(), *deeds)
    assert last.data == {"outcome": "done", "reason": None, "detail": ""}
    kinds = [(event.kind, event.data["text"]) for event in desk.events[:-1]]
    assert kinds == [
        (Kind.SAID, "I will look."),
        (Kind.SAID, "Then"),
        (Kind.THOUGHT, "Hm."),
        (Kind.SAID, " I größe 名前"),
    ]


async def test_commands_edits_plans_and_other_tools_are_told(plain, desk):
    edit = {"toolCallId": "t2", "title": "Edit", "kind": "edit", "locations": [{"path": str(desk.workspace / "a.py")}]}
    outside = {"toolCallId": "t3", "title": "Edit", "kind": "edit", "locations": [{"path": "/etc/passwd"}]}
    look = {"toolCallId": "t4", "title": "Read hello.py", "kind": "read", "status": "completed"}
    output = [{"type": "content", "content": {"type": "text", "text": "2 passed\n"}}]
    plan = {"update": "plan", "entries": [{"content": "Look", "status": "completed"}, {"content": "Do"}]}
    failed = {"toolCallId": "t1", "status": "failed", "content": output, "rawOutput": {"metadata": {"exit": 2}}}
    await desk.do(
        plain(),
        ("update", plan),
        ("tool", {**MAKE, "status": "pending"}),
        ("progress", failed),
        ("progress", failed),
        ("tool", {**edit, "status": "in_progress"}),
        ("progress", {"toolCallId": "t2", "status": "completed"}),
        ("tool", {**outside, "status": "completed"}),
        ("tool", {**look, "status": "in_progress"}),
        ("tool", {**MAKE, "status": "pending"}),
        ("progress", {"toolCallId": "t1", "status": "completed"}),
        ("update", {"update": "of_tomorrow", "content": 7}),
    )
    assert [event.data for event in desk.events if event.kind == Kind.RAN] == [
        {"command": "make test", "exit": 2},
        {"command": "make test", "exit": 0},
    ]
    assert desk.texts(Kind.EDITED) == ["a.py"]
    assert desk.texts(Kind.LOG) == ["[x] Look", "[ ] Do", "2 passed", "Read hello.py"]


async def test_files_are_read_and_written_in_the_workspace_and_nowhere_else(plain, desk):
    secret = desk.folder / "secret.txt"
    secret.write_text("SECRET\n")
    (desk.workspace / "link.txt").symlink_to(secret)
    (desk.workspace / "out").symlink_to(desk.folder)
    root = str(desk.workspace)
    there = ["link.txt", "out/new.txt", "../outside.txt", ".git/config", ".GIT/hooks/post-checkout", "sub/.git/x", "."]
    refused = [f"{root}/{path}" for path in there] + ["/etc/passwd", str(secret)]
    await desk.do(
        plain(),
        ("read", {"path": f"{root}/hello.py", "line": 2, "limit": 1}),
        ("write", {"path": f"{root}/new/größe.py", "content": "A = 1\r\n"}),
        ("read", {"path": f"{root}/none.py"}),
        *(("read", {"path": path}) for path in refused),
        *(("write", {"path": path, "content": "escaped"}) for path in refused),
        ("write", {"path": f"{root}/no-content.txt"}),
    )
    told = desk.texts(Kind.SAID)
    assert json.loads(told[0].removeprefix("read: ")) == {"content": '    return "hello"\n'}
    assert desk.read("new/größe.py") == "A = 1\r\n"
    assert desk.texts(Kind.EDITED) == ["new/größe.py"]
    answers = [json.loads(line.partition(": ")[2]) for line in told[2:]]
    assert all("code" in answer for answer in answers)
    assert secret.read_text() == "SECRET\n"
    assert not (desk.folder / "outside.txt").exists()
    assert not (desk.folder / "new.txt").exists()
    assert desk.changed() == ["?? link.txt", "?? new/größe.py", "?? out"]


@pytest.mark.parametrize(("answer", "outcome"), [
    ("Allow once", {"outcome": "selected", "optionId": "once"}),
    ("Refuse", {"outcome": "selected", "optionId": "no"}),
    (None, {"outcome": "cancelled"}),
])  # fmt: skip
async def test_what_an_agent_asks_leave_for_is_asked_in_words_and_answered(plain, desk, answer, outcome):
    desk.answer = answer
    asked = {"toolCallId": "t1", "rawInput": {}, "title": None}
    await desk.do(plain(), ("tool", MAKE), ("ask", {"toolCall": asked, "options": OPTIONS}))
    assert desk.questions == [("Execute: Run the tests: make test", ["Allow once", "Always", "Refuse"])]
    assert desk.texts(Kind.SAID) == [f"answer: {json.dumps({'outcome': outcome})}"]


async def test_what_codeforge_does_not_offer_is_refused_and_noise_goes_to_the_log(plain, desk):
    noise = "Starting up\n{no json\n[1, 2]\n\n" + "x" * 100_000 + "\n"
    last = await desk.do(
        plain(),
        ("raw", noise),
        ("complain", "a warning\n"),
        ("call", "terminal/create"),
        ("call", "of/tomorrow"),
        ("raw", '{"jsonrpc": "2.0", "method": "of/tomorrow", "params": 3}\n'),
        ("raw", '{"jsonrpc": "2.0", "id": 12345, "result": 3}\n'),
        ("ask", {"toolCall": 1}),
        ("say", "still here"),
    )
    assert last.data["outcome"] == "done"
    assert desk.texts(Kind.SAID)[-1] == "still here"
    assert sum("-32601" in line for line in desk.texts(Kind.SAID)) == 2
    assert {"Starting up", "{no json", "[1, 2]", "a warning"} <= set(desk.texts(Kind.LOG))
    assert all(len(line) <= 2000 for line in desk.texts(Kind.LOG))


async def test_a_large_file_comes_whole_and_one_that_is_too_large_is_refused(plain, desk):
    text = "größe\n" * 500_000
    await desk.do(plain(), ("write", {"path": f"{desk.workspace}/large.txt", "content": text}))
    assert desk.read("large.txt") == text
    (desk.workspace / "huge.bin").write_bytes(b"x" * 17_000_000)
    await desk.do(plain(), ("read", {"path": f"{desk.workspace}/huge.bin"}))
    assert "larger than 16 MB" in desk.texts(Kind.SAID)[0]
