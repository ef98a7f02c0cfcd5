"""`codeforge up` and `serve`: a server that stays, is found by other commands, and ends in order."""

import json
import os
import re
import signal
import socket
import sqlite3
import urllib.error
import urllib.parse
import urllib.request

import pytest


def sign_in(link: str) -> str:
    """Do what the sign-in page does with a link; gives the cookie."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    url, _, token = link.strip().partition("?token=")
    form = urllib.parse.urlencode({"token": token, "next": "/"}).encode()
    with pytest.raises(urllib.error.HTTPError, match="303") as found:
        urllib.request.build_opener(Stay).open(url, form)
    with found.value as answer:
        return answer.headers["Set-Cookie"]


def link_of(text: str) -> str:
    return re.search(r"http://\S+/signin\?token=\S+", text).group()


def test_up_prints_one_line_with_a_link_that_signs_in(codeforge):
    with codeforge.up() as server:
        assert server.out.count("\n") == 1
        assert "codeforge=" in sign_in(link_of(server.out))
        server.interrupt()
        assert server.end().code == 0


def test_link_prints_another_one_while_a_server_runs(codeforge):
    assert "start one with `codeforge up`" in codeforge("link", code=1).err
    with codeforge.up():
        assert "codeforge=" in sign_in(codeforge("link").out)


def test_other_commands_find_the_server_by_what_it_leaves_for_its_owner_alone(codeforge):
    with codeforge.up() as server:
        told = json.loads((codeforge.data / "server.json").read_text())
        assert told["pid"] == server.process.pid
        assert told["url"] in server.out
        for name in ("server.json", "cli-token", "codeforge.log"):
            assert (codeforge.data / name).stat().st_mode & 0o777 == 0o600
        assert codeforge("projects", "list", "--json").json == []
        server.interrupt()
        server.end()
    assert not (codeforge.data / "server.json").exists()


def test_what_a_killed_server_left_misleads_nobody(codeforge):
    with codeforge.up() as server:
        server.interrupt(signal.SIGKILL)
        server.end()
    assert (codeforge.data / "server.json").exists()
    assert codeforge("projects", "list", "--json").json == []


def test_a_revoked_local_token_is_made_anew_at_the_next_start(codeforge):
    with codeforge.up() as server:
        [token] = codeforge("tokens", "list", "--json").json
        codeforge("tokens", "revoke", token["id"])
        assert "This token is unknown, revoked or expired" in codeforge("projects", "list", code=1).err
        server.interrupt()
        server.end()
    with codeforge.up():
        codeforge("projects", "list")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_is_orderly_and_runs_at_work_go_back_to_the_queue(codeforge, number):
    repo = codeforge.repository()
    with codeforge.up() as server, codeforge.start("run", "--repo", str(repo), "write a.txt half\nwait") as started:
        started.says("waiting")
        server.interrupt(number)
        done = server.end()
        assert done.code == 0
        assert "1 run at work: back into the queue" in done.err
        started.interrupt(signal.SIGKILL)
    [run] = codeforge("runs", "list", "--json").json
    assert run["state"] == "queued"


def test_a_second_ctrl_c_ends_at_once(codeforge):
    with codeforge.up(SCRIPTED_LINGER="1") as server:
        server.interrupt()
        server.says("lingering")
        server.interrupt()
        assert server.end().code == 130
    assert not (codeforge.data / "server.json").exists()


def test_a_port_that_is_taken_is_a_sentence(codeforge):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = codeforge("up", "--port", str(port), code=1).err
    assert said.startswith(f"Port {port} of 127.0.0.1 is taken by another program")
    assert said.count("\n") == 1


def test_a_second_server_on_a_data_folder_names_the_first(codeforge):
    with codeforge.up() as server:
        said = codeforge("up", code=1).err
        assert said.startswith("CodeForge runs at http://127.0.0.1:")
        assert f"process {server.process.pid}" in said


def test_an_address_that_others_reach_is_refused(codeforge):
    assert "CODEFORGE_ALLOW_REMOTE" in codeforge("up", "--host", "0.0.0.0", "--port", "0", code=1).err


def test_a_database_from_a_newer_version_is_a_sentence(codeforge):
    codeforge("projects", "list")
    with sqlite3.connect(codeforge.data / "codeforge.db") as database:
        database.execute("insert into schema_migration (name, applied) values ('9999_of_the_future', '2099-01-01')")
    database.close()
    assert "newer" in codeforge("up", "--port", "0", code=1).err


def test_serve_has_no_worker(codeforge):
    repo = codeforge.repository()
    with codeforge.up("serve"):
        project = codeforge("projects", "add", str(repo), "--json").json
        run = codeforge("tasks", "add", project["name"], "write a.txt x", "--json").json["run"]
        assert codeforge("runs", "show", run["id"], "--json").json["state"] == "queued"


def test_once_without_demo_is_a_usage_error(codeforge):
    assert "--once goes with --demo" in codeforge("up", "--once", code=2).err


def test_no_secret_gets_into_the_log(codeforge):
    with codeforge.up() as server:
        link = link_of(server.out)
        sign_in(link)
        server.interrupt()
        server.end()
    log = (codeforge.data / "codeforge.log").read_text()
    assert log
    assert link.partition("token=")[2] not in log
    assert (codeforge.data / "cli-token").read_text() not in log


def test_up_goes_on_when_its_terminal_is_closed_under_nohup(codeforge):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with codeforge.up() as server:
            server.interrupt(signal.SIGHUP)
            codeforge("projects", "list")
            assert server.process.poll() is None
            os.kill(server.process.pid, signal.SIGTERM)
            assert server.end().code == 0
    finally:
        signal.signal(signal.SIGHUP, before)
