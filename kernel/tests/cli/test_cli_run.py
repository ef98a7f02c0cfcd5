"""`codeforge run`: from the words to the change, in the foreground, whatever happens on the way."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def repo(codeforge) -> Path:
    return codeforge.repository()


def sleepers(codeforge) -> list[str]:
    """Processes that the scripted agent started for this data folder."""
    mark = f"CODEFORGE_RUN_FOLDER={codeforge.data}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_a_change_with_a_passed_check_is_shown_and_ends_well(codeforge, repo):
    done = codeforge("run", "--repo", "repo", "--check", "grep -q hello a.txt", "say thinking\nwrite a.txt hello")
    assert "+hello" in done.out
    assert "thinking" in done.err
    assert "The check passed" in done.err
    assert "The change waits for review." in done.err
    assert not (repo / "a.txt").exists()


def test_json_is_one_document_on_stdout(codeforge, repo):
    document = codeforge("run", "--repo", str(repo), "--json", "--check", "true", "write a.txt hello").json
    assert set(document) == {"run", "change", "files", "diff", "check", "usage", "outcome", "error"}
    assert document["outcome"] == "review"
    assert document["error"] is None
    assert document["check"]["passed"] is True
    assert [file["path"] for file in document["files"]] == ["a.txt"]
    assert document["change"]["files"] == 1
    assert document["run"]["state"] == "review"


def test_accept_delivers_the_change(codeforge, repo):
    done = codeforge("run", "--repo", str(repo), "--accept", "write a.txt hello")
    assert "Accepted and delivered as" in done.err
    assert (repo / "a.txt").read_text() == "hello\n"


def test_a_change_that_cannot_be_delivered_ends_with_the_reason(codeforge, repo):
    (repo / "refuse").touch()
    done = codeforge("run", "--repo", str(repo), "--accept", "--json", "write a.txt hello", code=1)
    assert "protected" in done.err
    assert "protected" in done.json["error"]["detail"]
    assert done.json["outcome"] == "review"


def test_a_failed_check_shows_the_change_and_is_not_accepted(codeforge, repo):
    words = ("run", "--repo", str(repo), "--accept", "--check", "echo no luck; exit 3", "write a.txt hello")
    done = codeforge(*words, code=1)
    assert "+hello" in done.out
    assert "no luck" in done.err
    assert "failed with exit code 3" in done.err
    assert "send the change back" in done.err
    assert not (repo / "a.txt").exists()


def test_a_failed_run_says_why_and_what_to_do(codeforge, repo):
    done = codeforge("run", "--repo", str(repo), "--json", "fail model_auth", code=1)
    assert done.json["error"] == {
        "reason": "model_auth",
        "detail": "as the script says",
        "advice": "The provider refused its key: set a valid key for this provider, then retry.",
    }
    assert "set a valid key" in codeforge("run", "--repo", str(repo), "fail model_auth", code=1).err


def test_a_run_that_changes_nothing_is_not_done(codeforge, repo):
    assert "without changing a file" in codeforge("run", "--repo", str(repo), "say hm", code=1).err


def test_the_prompt_may_come_from_stdin(codeforge, repo):
    assert "+piped" in codeforge("run", "--repo", str(repo), "-", stdin="write a.txt piped\n").out


def test_files_that_are_not_committed_are_noted(codeforge, repo):
    (repo / "scratch.txt").touch()
    done = codeforge("run", "--repo", str(repo), "write a.txt hello")
    assert "Note: files that are not committed are no part of the run (scratch.txt)." in done.err


def test_what_does_not_exist_is_named_and_nothing_is_started(codeforge, repo):
    sentences = {
        ("--agent", "nobody"): "There is no agent nobody; there is missing, scripted.",
        ("--model", "dream"): "There is no model dream; there is echo.",
        ("--branch", "gone"): "has no branch gone; it has main, other.",
        ("--repo", "elsewhere"): "elsewhere is no repository: give the path of one.",
        ("--repo", "https://host/x"): "No installed plugin handles https://host/x",
    }
    with codeforge.up():
        for words, sentence in sentences.items():
            done = codeforge("run", "--repo", str(repo), "--json", *words, "write a.txt hello", code=1)
            assert sentence in done.err
            assert done.json["outcome"] == "error"
            assert sentence in done.json["error"]["detail"]
        assert codeforge("runs", "list", "--json").json == []
        assert codeforge("projects", "list", "--json").json == []


def test_json_is_one_document_even_when_there_is_no_server_to_be_had(codeforge, repo):
    (codeforge.folder / "file").touch()
    for wrong in ({"CODEFORGE_PORT": "abc"}, {"CODEFORGE_DATA_DIR": str(codeforge.folder / "file" / "data")}):
        done = codeforge("run", "--repo", "repo", "--json", "write a.txt x", code=1, **wrong)
        assert done.json["error"]["detail"] in done.err


def test_an_empty_prompt_is_refused(codeforge, repo):
    assert "the prompt is empty" in codeforge("run", "--repo", str(repo), " ", code=1).err


def test_the_same_repository_is_one_project_and_each_branch_another(codeforge, repo):
    codeforge("run", "--repo", "repo", "write a.txt 1")
    codeforge("run", "--repo", f"{repo}/", "write a.txt 2")
    codeforge("run", "--repo", str(repo), "--branch", "other", "write a.txt 3")
    projects = codeforge("projects", "list", "--json").json
    assert [(p["name"], p["branch"]) for p in projects] == [("repo", "main"), ("repo-2", "other")]


def test_ctrl_c_stops_the_run_and_keeps_its_work(codeforge, repo):
    with codeforge.start("run", "--repo", str(repo), "write a.txt half\nwait") as started:
        started.says("waiting")
        assert sleepers(codeforge)
        started.interrupt()
        started.says("Stopping")
        started.interrupt()
        done = started.end()
    assert done.code == 130
    assert "+half" in done.out
    assert "Its work is kept as commit" in done.err
    assert "runs diff" in done.err
    assert "runs send-back" in done.err
    assert not sleepers(codeforge)
    assert not list((codeforge.data / "runs").iterdir())
    [run] = codeforge("runs", "list", "--json").json
    assert run["state"] == "stopped"
    assert "+half" in codeforge("runs", "diff", run["id"]).out


def test_ctrl_c_with_json_still_gives_the_document(codeforge, repo):
    with codeforge.start("run", "--repo", str(repo), "--json", "write a.txt half\nwait") as started:
        started.says("waiting")
        started.interrupt(signal.SIGTERM)
        done = started.end()
    assert done.code == 130
    assert done.json["outcome"] == "stopped"
    assert "+half" in done.json["diff"]


def test_a_run_uses_the_server_that_is_up_and_stops_there(codeforge, repo):
    with codeforge.up() as server:
        assert "+hello" in codeforge("run", "--repo", str(repo), "write a.txt hello").out
        with codeforge.start("run", "--repo", str(repo), "write a.txt half\nwait") as started:
            started.says("waiting")
            started.interrupt()
            assert started.end().code == 130
        codeforge.until(lambda: not sleepers(codeforge))
        server.interrupt()
        assert server.end().code == 0


def test_a_run_goes_on_where_it_was_when_its_server_starts_again(codeforge, repo):
    words = ("run", "--repo", str(repo), "write a.txt hello\nslowly")
    with codeforge.up() as server, codeforge.start(*words) as started:
        started.says("half way")
        server.interrupt()
        server.end()
        (codeforge.data / "go").touch()
        with codeforge.up():
            done = started.end()
    assert done.code == 0, done.err
    assert "+hello" in done.out
    assert done.err.count("[queued]") == 2  # no event twice: the second is its way back into the queue


def test_two_runs_at_once_share_one_server(codeforge, repo):
    with codeforge.start("run", "--repo", str(repo), "write a.txt one\nslowly") as first:
        first.says("half way")
        with codeforge.start("run", "--repo", str(repo), "write a.txt two") as second:
            assert second.end().code == 0
        (codeforge.data / "go").touch()
        assert first.end().code == 0


def test_the_first_of_two_runs_waits_for_the_one_that_found_its_server(codeforge, repo):
    with codeforge.start("run", "--repo", str(repo), "write a.txt one\nslowly") as first:
        first.says("half way")
        with codeforge.start("run", "--repo", str(repo), "write a.txt two\nlater") as second:
            second.says("not yet")
            (codeforge.data / "go").touch()
            first.says("1 other run at work")
            (codeforge.data / "later").touch()
            assert second.end().code == 0
        assert first.end().code == 0


def test_a_terminal_sees_the_figures_and_colours(codeforge, repo):
    command = [sys.executable, "-m", "codeforge", "run", "--repo", str(repo), "write a.txt hello\nslowly"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, env=codeforge.env | {"TERM": "xterm-256color"}, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
                if "working · " in seen.decode(errors="replace"):
                    (codeforge.data / "go").touch()
        except OSError:  # the other side closed
            pass
        os.close(ours)
    assert process.returncode == 0, seen.decode()
    assert b"\x1b[32m+hello" in seen


def test_what_an_agent_says_cannot_steer_the_terminal(codeforge, repo):
    done = codeforge("run", "--repo", str(repo), "say \x1b]0;evil\x07\x1b[2Jboo\nwrite a.txt \x1b[31mred")
    assert "\x1b" not in done.err + done.out
    assert "boo" in done.err


def test_a_reader_that_has_seen_enough_is_no_error(codeforge, repo):
    command = f"{sys.executable} -m codeforge run --repo {repo} --json 'write a.txt x' 2>err | head -c 1"
    done = subprocess.run(
        ["sh", "-c", command], env=codeforge.env, cwd=codeforge.folder, capture_output=True, check=False
    )
    assert done.stdout == b"{"
    assert "Traceback" not in (codeforge.folder / "err").read_text()


def test_the_log_tells_no_secret(codeforge, repo):
    codeforge("run", "--repo", str(repo), "write a.txt x")
    log = (codeforge.data / "codeforge.log").read_text()
    assert (codeforge.data / "cli-token").read_text() not in log
    assert (codeforge.data / "codeforge.log").stat().st_mode & 0o077 == 0
    assert json.loads(codeforge("tokens", "list", "--json").out)[0]["name"] == "command line on this machine"
