"""The commands that talk to a server, for people and for scripts."""

import json

import pytest


@pytest.fixture
def server(codeforge):
    with codeforge.up() as started:
        yield started


@pytest.fixture
def project(codeforge, server):
    codeforge.repository()
    return codeforge("projects", "add", "repo", "--json").json


def test_projects_are_added_shown_edited_and_removed(codeforge, project):
    assert project["url"] == str(codeforge.folder / "repo")
    assert "repo" in codeforge("projects", "list").out == codeforge("projects").out
    edited = codeforge("projects", "edit", "repo", "--check", "make test", "--steps", "7", "--json").json
    assert (edited["check"], edited["limits"]["steps"], edited["limits"]["seconds"]) == ("make test", 7, 3600)
    assert "check: make test" in codeforge("projects", "show", project["id"]).out
    assert "disk: mirror 0, workspaces 0, packs 0" in codeforge("projects", "show", "repo").out
    assert codeforge("projects", "edit", "repo", "--disk-mb", "5000", "--json").json["disk_mb"] == 5000
    assert codeforge("projects", "show", "repo", "--json").json["disk"]["limit_mb"] == 5000
    assert codeforge("projects", "edit", "repo", "--disk-mb", "none", "--json").json["disk_mb"] is None
    assert "Say what to change" in codeforge("projects", "edit", "repo", code=2).err
    assert "There is no project other; there is repo." in codeforge("projects", "show", "other", code=1).err
    assert "already: choose another name" in codeforge("projects", "add", "repo", code=1).err
    codeforge("projects", "remove", "repo", code=130)  # nobody says yes
    codeforge("projects", "remove", "repo", "--yes")
    assert codeforge("projects", "list", "--json").json == []


def test_a_run_is_judged_from_the_command_line(codeforge, project):
    made = codeforge("tasks", "add", "repo", "-", "--title", "Greet", "--json", stdin="write a.txt hello\n").json
    run = made["run"]["id"]
    codeforge.reaches(run, "review")
    assert "edited a.txt" in codeforge("runs", "events", run).out
    lines = codeforge("runs", "events", run, "--json", "--follow").out.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert "+hello" in codeforge("runs", "diff", run, "--path", "a.txt").out
    assert "does not touch" in codeforge("runs", "diff", run, "--path", "b.txt", code=1).err
    again = codeforge("runs", "send-back", run, "write a.txt hello again", "--json").json
    assert again["follows"] == run
    codeforge.reaches(again["id"], "review")
    assert "Accepted and delivered" in codeforge("runs", "accept", again["id"], "--strategy", "squash").out
    assert (codeforge.folder / "repo" / "a.txt").read_text() == "hello again\n"
    assert "was accepted already" in codeforge("runs", "say", again["id"], "more", code=1).err
    assert {r["state"] for r in codeforge("runs", "list", "--project", "repo", "--json").json} == {
        "sent_back",
        "accepted",
    }
    shown = codeforge("tasks", "show", made["task"]["id"]).out
    assert "title: Greet" in shown
    assert f"{again['id']} (accepted)" in shown
    assert "Greet" in codeforge("tasks", "list", "repo").out


def test_a_run_is_stopped_retried_and_rejected(codeforge, project):
    run = codeforge("tasks", "add", "repo", "write a.txt x\nwait", "--json").json["run"]["id"]
    codeforge.reaches(run, "working")
    codeforge("runs", "stop", run)
    codeforge.reaches(run, "stopped")
    retried = codeforge("runs", "retry", run, "--json").json
    assert (retried["number"], retried["follows"]) == (2, None)
    assert retried["id"] in codeforge("runs", "list", "--live").out
    codeforge("runs", "stop", retried["id"])
    codeforge("runs", "reject", run, "--comment", "no")
    assert codeforge("runs", "show", run, "--json").json["state"] == "rejected"
    assert "There is no run nowhere." in codeforge("runs", "show", "nowhere", code=1).err


def test_a_run_is_paused_resumed_moved_up_restarted_and_retried(codeforge, project):
    run = codeforge("tasks", "add", "repo", "write a.txt x\nwait", "--json").json["run"]["id"]
    codeforge.reaches(run, "working")
    assert codeforge("runs", "pause", run).out == "The run is being paused.\n"
    codeforge.reaches(run, "paused")
    assert codeforge("runs", "pause", run).out == "The run is paused.\n"
    assert "with priority 5" in codeforge("runs", "prioritise", run, "5").out
    assert "with priority -5" in codeforge("runs", "prioritise", run, "--", "-5").out
    assert codeforge("runs", "resume", run, "--json").json["state"] in ("queued", "preparing", "working")
    codeforge.reaches(run, "working")
    assert "is at work already" in codeforge("runs", "prioritise", run, "5", code=1).err
    assert "The run is not over" in codeforge("runs", "retry", run, code=1).err
    new = codeforge("runs", "restart", run, "--json").json["id"]
    codeforge.reaches(run, "stopped")
    assert codeforge("runs", "restart", run, "--json").json["id"] == new
    codeforge("runs", "stop", new)
    again = codeforge("runs", "retry", run, "--from", "work", "--json").json
    assert (again["follows"], again["number"]) == (run, 3)
    codeforge("runs", "stop", again["id"])
    codeforge.reaches(again["id"], "stopped")


def test_lists_go_on_over_many_pages(codeforge, project):
    for number in range(60):
        codeforge.api().post(f"/projects/{project['id']}/tasks", {"prompt": str(number), "start": False})
    found = codeforge("tasks", "list", "repo", "--limit", "55", "--json").json
    assert [task["prompt"] for task in found] == [str(n) for n in range(59, 4, -1)]


def test_a_key_is_read_from_where_nobody_sees_it_and_never_shown(codeforge, server):
    for words, stdin in ((["--key-stdin"], "sk-secret-1\n"), (["--key-env", "KEY"], ""), ([], "sk-secret-3\n")):
        done = codeforge("models", "add", "mine", "--kind", "openai", *words, "--json", stdin=stdin, KEY="sk-secret-2")
        assert done.json["has_key"] is True
        assert "sk-secret" not in done.out + done.err
    assert "sk-secret" not in codeforge("models", "providers", "--json").out
    assert "sk-secret" not in (codeforge.data / "codeforge.log").read_text()
    assert (
        "variable NOTHING is empty"
        in codeforge("models", "add", "x", "--kind", "openai", "--key-env", "NOTHING", code=1).err
    )
    assert "no key on stdin" in codeforge("models", "add", "x", "--kind", "openai", "--key-stdin", code=1).err
    assert "Give one of" in codeforge("models", "add", "openai", "--no-key", "--key-stdin", code=2).err
    codeforge("models", "remove", "mine")
    assert codeforge("models", "providers", "--json").json == []


def test_a_provider_is_asked_before_it_is_kept_and_whenever_one_wants(codeforge, server):
    refused = codeforge("models", "add", "openai", "--key-stdin", stdin="sk-old\n", code=1).err
    assert "openai refused the key (401): copy it again." in refused
    assert codeforge("models", "providers", "--json").json == []
    codeforge("models", "add", "openai", "--key-stdin", "--no-test", stdin="sk-old\n")
    assert "refused the key" in codeforge("models", "test", "openai", code=1).out
    codeforge("models", "add", "openai", "--key-stdin", stdin="sk-new\n")
    assert codeforge("models", "test", "openai").out == "openai answers.\n"
    assert "There is no provider gone" in codeforge("models", "test", "gone", code=1).err
    [listed] = codeforge("models", "providers", "--json").json
    assert (listed["found"], listed["health"]["calls"], listed["health"]["errors"]) == ("", 0, None)


def test_a_kind_of_provider_is_asked_for_what_it_needs_and_no_more(codeforge, server):
    assert "There is no kind lab of providers" in codeforge("models", "add", "lab", code=2).err
    codeforge("models", "add", "ollama")
    missing = codeforge("models", "add", "cloud", "--set", "region=moon", "--key-stdin", stdin="k\n", code=1).err
    assert "A cloud needs Models: give it." in missing
    words = ("--set", "region=moon", "--set", "models=a, b", "--key-stdin")
    assert codeforge("models", "add", "cloud", *words, "--json", stdin="k\n").json["settings"] == {
        "region": "moon",
        "models": ["a", "b"],
    }
    assert "--set takes a name" in codeforge("models", "add", "cloud", "--set", "moon", code=2).err


def test_aliases_stand_for_models(codeforge, server):
    assert "echo" in codeforge("models", "list").out
    codeforge("models", "alias", "fast", "echo")
    [fast] = codeforge("models", "alias", "--json").json
    assert (fast["name"], fast["target"]) == ("fast", "echo")
    assert "There is no model dream" in codeforge("models", "alias", "smart", "dream", code=1).err
    codeforge("models", "alias", "fast", "--remove")
    assert codeforge("models", "alias", "--json").json == []


def test_routes_are_made_of_models_with_weights_and_fallbacks_also_for_one_project(codeforge, project):
    codeforge("models", "alias", "plan-b", "echo")
    command = ("models", "route", "fast", "echo:3", "--fallback", "plan-b", "--on", "timeout", "--first-seconds", "9")
    assert "fast stands for echo, then plan-b now." in codeforge(*command).out
    found = codeforge("models", "alias", "--json").json[0]
    assert found["route"] == {
        "ways": [
            {"model": "echo", "weight": 3, "first_seconds": 9},
            {"model": "plan-b", "weight": 0, "first_seconds": 9},
        ],
        "fall_back_on": ["timeout"],
    }
    assert "in repo." in codeforge("models", "route", "fast", "plan-b", "--project", "repo").out
    assert "repo" in codeforge("models", "alias", "--project", "repo").out
    circle = codeforge("models", "route", "plan-b", "echo", "fast", code=1).err
    assert "plan-b would stand for itself: plan-b -> fast -> plan-b." in circle
    codeforge("models", "alias", "fast", "--remove", "--project", "repo")
    assert [a["target"] for a in codeforge("models", "alias", "--project", "repo", "--json").json] == ["echo", "echo"]


def test_a_named_server_wants_a_token_and_takes_one_from_a_file_or_a_setting(codeforge, server):
    url = json.loads((codeforge.data / "server.json").read_text())["url"]
    made = codeforge("tokens", "new", "ci", "--scope", "read", "--days", "1", "--json").json
    file = codeforge.folder / "token"
    file.write_text(made["secret"] + "\n")
    elsewhere = {"CODEFORGE_DATA_DIR": str(codeforge.folder / "empty")}
    assert "make one there" in codeforge("projects", "list", "--server", url, code=1, **elsewhere).err
    codeforge("projects", "list", "--server", url, "--token-file", str(file), **elsewhere)
    codeforge("projects", "list", CODEFORGE_SERVER_URL=url, CODEFORGE_TOKEN=made["secret"], **elsewhere)
    words = ("projects", "add", "/x", "--server", url, "--token-file", str(file))
    assert "no scope write" in codeforge(*words, code=1, **elsewhere).err
    assert not (codeforge.folder / "empty").exists()
    assert codeforge("tokens", "list", "--json").out.count(made["secret"]) == 0


def test_the_local_token_is_not_sent_to_a_named_server(codeforge, server):
    url = json.loads((codeforge.data / "server.json").read_text())["url"]
    assert "wants a token" in codeforge("projects", "list", "--server", url, code=1).err


def test_a_server_that_does_not_answer_is_a_sentence(codeforge):
    said = codeforge("projects", "list", "--server", "http://127.0.0.1:9", code=1, CODEFORGE_TOKEN="x").err
    assert said.startswith("The server at http://127.0.0.1:9 does not answer")
    assert (
        "is no address of a server" in codeforge("runs", "list", "--server", "ftp://x", code=1, CODEFORGE_TOKEN="x").err
    )


def test_without_a_server_reading_commands_answer_and_a_new_run_waits(codeforge):
    codeforge.repository()
    codeforge("projects", "add", "repo")
    done = codeforge("tasks", "add", "repo", "write a.txt x")
    assert "the run waits until `codeforge up`" in done.err
    assert codeforge("runs", "list", "--live", "--json").json[0]["state"] == "queued"
    assert not (codeforge.data / "server.json").exists()


def test_plugins_are_listed_with_what_they_bring(codeforge, server):
    by_name = {plugin["name"]: plugin for plugin in codeforge("plugins", "--json").json}
    assert "agent scripted" in by_name["scripted"]["offers"]
    assert by_name["scm_git"]["broken"]
    assert "agent scripted" in codeforge("plugins").out
