"""`codeforge workers`, for people; and what `codeforge worker` says when it cannot work: one sentence, exit code 1."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

BROKER = "amqp://127.0.0.1:1"


@pytest.fixture
def terminal(codeforge):
    """A terminal whose workers have the real queue, so that broker_url may be any."""
    disabled = codeforge.env["CODEFORGE_DISABLED_PLUGINS"].split(",")
    codeforge.env["CODEFORGE_DISABLED_PLUGINS"] = ",".join(name for name in disabled if name != "queue_dramatiq")
    return codeforge


@pytest.fixture
def answering():
    """A server of which every answer is ``server.answer``: (status, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append((self.path, self.headers))
            status, body = server.answer
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sentence(done):
    """What it said, which is one line."""
    [line] = done.err.splitlines()
    return line


def test_workers_are_registered_listed_drained_and_revoked(codeforge):
    with codeforge.up():
        made = codeforge("workers", "add", "build-1", "--label", "gpu", "--label", "linux")
        secret = made.out.strip()
        assert secret.startswith("cfwrk_")
        assert "not shown again" in made.err
        second = codeforge("workers", "add", "build-2", "--json").json
        assert (second["name"], second["secret"][:6]) == ("build-2", "cfwrk_")
        listed = codeforge("workers")
        assert "gpu, linux" in listed.out
        assert "never" in listed.out
        assert secret not in listed.out
        assert "There is a worker named build-1 already" in codeforge("workers", "add", "build-1", code=1).err
        assert "letters, digits" in codeforge("workers", "add", "a b", code=1).err
        assert "'a b' is no label" in codeforge("workers", "add", "x", "--label", "a b", code=1).err
        assert "Worker build-1 takes no more runs." in codeforge("workers", "drain", "build-1").out
        known = {worker["name"]: worker for worker in codeforge("workers", "list", "--json").json}
        assert (known["build-1"]["draining"], known["build-2"]["draining"]) == (True, False)
        assert "takes runs again" in codeforge("workers", "undrain", known["build-1"]["id"]).out
        assert "good for nothing" in codeforge("workers", "revoke", "build-1").out
        assert "There is no worker build-1" in codeforge("workers", "revoke", "build-1", code=1).err
        [own] = [name for name, worker in known.items() if worker["local"]]
        assert "is part of a server" in codeforge("workers", "revoke", own, code=1).err


def test_a_worker_without_a_server_address_says_what_to_set(terminal):
    done = terminal("worker", code=1, CODEFORGE_TOKEN="cfwrk_x", CODEFORGE_BROKER_URL=BROKER)
    assert sentence(done) == "A worker needs its server's address: set server_url."


def test_a_worker_without_a_token_says_how_to_get_one(terminal):
    done = terminal("worker", "--server", "http://127.0.0.1:1", code=1, CODEFORGE_BROKER_URL=BROKER)
    assert "`codeforge workers add NAME`" in sentence(done)


def test_a_worker_needs_a_broker_that_reaches_it(terminal):
    done = terminal("worker", "--server", "http://127.0.0.1:1", code=1, CODEFORGE_TOKEN="cfwrk_x")
    assert sentence(done) == "A worker of its own needs a broker that reaches it: set broker_url to amqp://..."


@pytest.mark.parametrize("secret", ["cfwrk_wrong", "cftok_wrong", "nonsense"])
def test_a_wrong_token_is_a_sentence(terminal, secret):
    with terminal.up():
        url = json.loads((terminal.data / "server.json").read_text())["url"]
        mine = {"CODEFORGE_DATA_DIR": str(terminal.folder / "worker"), "CODEFORGE_BROKER_URL": BROKER}
        done = terminal("worker", "--server", url, code=1, CODEFORGE_TOKEN=secret, **mine)
        assert "token" in sentence(done)
        assert secret not in done.out + done.err
        assert secret not in (terminal.folder / "worker" / "codeforge.log").read_text()


def test_a_persons_token_makes_no_worker(terminal):
    with terminal.up():
        url = json.loads((terminal.data / "server.json").read_text())["url"]
        mine = {"CODEFORGE_DATA_DIR": str(terminal.folder / "worker"), "CODEFORGE_BROKER_URL": BROKER}
        token = (terminal.data / "cli-token").read_text().strip()
        done = terminal("worker", "--server", url, code=1, CODEFORGE_TOKEN=token, **mine)
        assert "no scope worker" in sentence(done)


def test_a_server_of_another_version_is_refused_with_both_versions(terminal, answering):
    detail = "The worker has version 0.1.0 and this is 0.7.0: more than one minor version lies between them."
    problem = {"type": "/problems/conflict", "title": "Conflict", "status": 409, "detail": detail}
    answering.answer = 409, json.dumps(problem).encode()
    mine = {"CODEFORGE_TOKEN": "cfwrk_x", "CODEFORGE_BROKER_URL": BROKER}
    done = terminal("worker", "--server", answering.url, code=1, **mine)
    assert sentence(done) == detail
    [(path, headers)] = answering.asked
    assert path == "/api/worker/v1/hello"
    assert headers["X-CodeForge-Version"]


def test_what_is_no_codeforge_is_a_sentence_too(terminal, answering):
    answering.answer = 404, b"<h1>nothing</h1>"
    mine = {"CODEFORGE_TOKEN": "cfwrk_x", "CODEFORGE_BROKER_URL": BROKER}
    with terminal.start("worker", "--server", answering.url, **mine) as worker:
        worker.says("HTTP 404")
        worker.interrupt()
        assert "Traceback" not in worker.end().err


def test_a_worker_waits_for_a_server_and_says_so_once(terminal):
    mine = {"CODEFORGE_TOKEN": "cfwrk_x", "CODEFORGE_BROKER_URL": BROKER}
    with terminal.start("worker", "--server", "http://127.0.0.1:1", **mine) as worker:
        worker.says("No server answers at http://127.0.0.1:1: see whether one runs. Waiting for it.")
        worker.interrupt()
        assert worker.end().code == 130
