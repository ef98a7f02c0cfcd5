"""What people, shells and other programs do to the command line: a sentence each, and never a traceback."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from codeforge.cli import presence
from codeforge.cli.api import Api, Lost


@pytest.fixture
def elsewhere():
    """Another program's web server: ``asked`` are the paths, and /api/v1/cut is broken off in the middle."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "100" if self.path.endswith("/cut") else "4")
            self.end_headers()
            self.wfile.write(b'{"a"')

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


@contextmanager
def held(folder):
    """The data folder, held as by a server that is about to start."""
    folder.mkdir()
    with (folder / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "loop", "x" * 300 + ":y"])
def test_a_path_that_cannot_be_is_a_sentence_with_json_too(codeforge, path):
    (codeforge.folder / "loop").symlink_to("loop")
    done = codeforge("run", "--json", "--repo", path, "write a.txt x", code=1)
    assert "is no usable path" in done.err
    assert done.json["error"]["detail"] in done.err


def test_a_prompt_that_is_no_text_is_refused_before_anything_is_made(codeforge):
    codeforge.repository()
    done = codeforge("run", "--json", "--repo", "repo", "write a.txt \udcff", code=1)
    assert done.json["error"]["detail"] == "The text holds bytes that are no UTF-8: give it as UTF-8."
    assert not codeforge.data.exists()


@pytest.mark.parametrize("url", ["http://[", "http://localhost:99999", "http://name:secret@localhost:1"])
def test_an_address_that_no_server_has_is_a_sentence(codeforge, url):
    said = codeforge("projects", "list", "--server", url, code=1, CODEFORGE_TOKEN="x").err
    assert "is no address of a server" in said
    assert "secret" not in said


@pytest.mark.parametrize("token", ["cftok_one\ncftok_two", "cftok_one…"])
def test_a_token_that_is_none_is_never_shown(codeforge, token):
    said = codeforge("projects", "list", "--server", "http://127.0.0.1:9", code=1, CODEFORGE_TOKEN=token).err
    assert said == "The setting token holds more than a token: it is one word, such as cftok_...\n"


def test_what_another_program_answers_is_a_sentence(codeforge, elsewhere):
    said = codeforge("projects", "list", "--server", elsewhere.url, code=1, CODEFORGE_TOKEN="x").err
    assert "not CodeForge's: see whether it runs" in said
    with pytest.raises(Lost, match="is cut off"):
        Api(elsewhere.url, "x").get("/cut")


def test_another_program_where_a_server_was_is_not_taken_for_it(codeforge, elsewhere):
    codeforge.data.mkdir()
    with presence.published(codeforge.data, elsewhere.url):  # the process lives, what answers is something else
        assert codeforge("projects", "list", "--json").json == []
    assert elsewhere.asked == ["/api/v1/health"]


def test_another_process_with_a_servers_number_is_not_even_asked(codeforge, elsewhere):
    codeforge.data.mkdir()
    left = {"url": elsewhere.url, "pid": os.getpid(), "started": "1"}
    (codeforge.data / "server.json").write_text(json.dumps(left))
    assert codeforge("projects", "list", "--json").json == []
    assert elsewhere.asked == []


def test_ctrl_c_before_there_is_a_server_gives_the_document_too(codeforge):
    codeforge.repository()
    with held(codeforge.data), codeforge.start("run", "--json", "--repo", "repo", "write a.txt x") as started:
        codeforge.until((codeforge.data / "codeforge.log").exists)
        started.interrupt(signal.SIGINT)
        done = started.end()
    assert (done.code, done.json["error"]["detail"], done.err.strip()) == (130, "Interrupted.", "Interrupted.")


@pytest.mark.slow
def test_waiting_for_the_data_folder_opens_the_log_once(codeforge):
    with held(codeforge.data), codeforge.start("projects", "list") as started:
        codeforge.until((codeforge.data / "codeforge.log").exists)
        assert "Another CodeForge is running" in started.end().err
    code = "import logging, pathlib, sys; from codeforge.cli import journal; from codeforge import Settings\n"
    code += "folder = pathlib.Path(sys.argv[1]); settings = Settings()\n"
    code += "journal.keep(folder, settings); journal.keep(folder, settings); logging.warning('told')"
    subprocess.run([sys.executable, "-c", code, str(codeforge.data)], env=codeforge.env, check=True)
    assert (codeforge.data / "codeforge.log").read_text().count("told") == 1


def test_a_terminal_without_a_character_gets_its_number(codeforge):
    codeforge.repository()
    done = codeforge("run", "--repo", "repo", "write a.txt \N{RIGHTWARDS ARROW}", PYTHONIOENCODING="latin-1")
    assert "+\\u2192" in done.out


@pytest.mark.parametrize("closed", ["0", "1", "2"])
def test_a_closed_standard_stream_is_no_error(codeforge, closed):
    command = f'exec "$0" -m codeforge --version {closed}>&-'
    done = subprocess.run(["sh", "-c", command, sys.executable], env=codeforge.env, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_of_the_progress_that_goes_does_not_end_the_run(codeforge):
    codeforge.repository()
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "codeforge", "run", "--json", "--repo", "repo", "write a.txt x"],
            cwd=codeforge.folder, env=codeforge.env, stdout=subprocess.PIPE, stderr=gone, check=False,
        )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "review")


def test_a_user_without_a_home_is_told_what_to_set(codeforge):
    code = "import os, pwd, sys; os.getuid = lambda: 54321; del os.environ['HOME']\n"
    code += "from codeforge.cli import main; main(['agents'])"
    done = subprocess.run([sys.executable, "-c", code], env=codeforge.env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "This user has no home folder: set HOME to an absolute path.\n")
