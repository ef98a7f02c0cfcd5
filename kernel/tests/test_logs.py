"""The log: one line a fact, as text or JSON, about a run or a request, and never with a secret."""

import json
import logging
import subprocess
import sys

import pytest

from codeforge import logs
from codeforge.vault import Vault, new_secret

HEAD = """
import logging, pathlib, sys
from codeforge import Settings
from codeforge.cli import journal
from codeforge.logs import about, tell
log = logging.getLogger("codeforge.test")
"""


@pytest.fixture
def written(tmp_path):
    """Run lines of Python with the journal kept; gives what is in the file and on stderr."""

    def write(script, aloud=False, **env):
        code = f"{HEAD}journal.keep(pathlib.Path({str(tmp_path)!r}), Settings(), aloud={aloud})\n{script}"
        env = {f"CODEFORGE_{name.upper()}": value for name, value in env.items()}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        path = tmp_path / "codeforge.log"
        return path.read_text() if path.exists() else "", done.stderr

    return write


FACT = """
with about(run="r1", generation=2):
    tell(log, "run ended", state="failed", why='it said "no"', nothing=None, seconds=1.5)
"""


def test_a_line_of_text_is_a_sentence_with_its_facts(written):
    text, err = written(FACT)
    [line] = text.splitlines()
    assert line.endswith(
        """ INFO codeforge.test: run ended run=r1 generation=2 state=failed why="it said \\"no\\"" seconds=1.5"""
    )
    assert err == ""


def test_a_line_of_json_holds_the_same_facts_by_name(written):
    [line] = map(json.loads, written(FACT, log_format="json")[0].splitlines())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "codeforge.test",
        "message": "run ended",
        "run": "r1",
        "generation": 2,
        "state": "failed",
        "why": 'it said "no"',
        "seconds": 1.5,
    }


def test_containers_get_it_on_stderr_and_nothing_in_a_file(written):
    text, err = written(FACT, aloud=True, log_to="stderr", log_format="json")
    assert text == ""
    assert [json.loads(line)["run"] for line in err.splitlines()] == ["r1"]


def test_an_error_with_its_stack_is_still_one_line_of_json(written):
    script = "try: 1 / 0\nexcept ZeroDivisionError: log.exception('it failed')"
    [line] = map(json.loads, written(script, log_format="json")[0].splitlines())
    assert "ZeroDivisionError" in line["error"]


CANARIES = ["cftok_" + "a" * 43, "cfses_" + "b" * 43, "cflink_" + "c" * 43, "cfrun_" + "d" * 43]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_of_ours_or_of_the_environment_is_written_in_whatever_way(written, log_format):
    env = {
        "token": "token-canary-4711",
        "metrics_token": 'metrics"canary-4711',
        "broker_url": "amqp://guest:broker-canary-4711@h/",
        "lab_key": "lab-canary-4711",
    }
    secrets = [*CANARIES, *env.values(), "broker-canary-4711"]
    script = f"""
for secret in {secrets!r}:
    log.info("said %s", secret)
    tell(log, "told", why="with " + secret)
    with about(request=secret): log.warning("about")
    try: raise ValueError(secret)
    except ValueError: log.exception("failed")
log.info("psycopg: postgresql://app:pg-canary-4711@db/x does not answer")
"""
    text, err = written(script, aloud=True, log_format=log_format, **env)
    assert text.count("•••") >= len(secrets) * 4
    for written_somewhere in (text, err):
        assert "canary" not in written_somewhere
        for canary in CANARIES:
            assert canary[6:] not in written_somewhere


def test_a_providers_key_is_known_to_the_log_as_soon_as_it_is_locked_or_unlocked(tmp_path):
    secret = new_secret("sk-")
    box = Vault(tmp_path / "key").lock(secret)
    assert secret not in logs.redact(f"said {secret}")
    logs._hidden.discard(secret)
    assert Vault(tmp_path / "key").unlock(box) == secret
    assert secret not in logs.redact(f"said {secret}")


def test_what_is_logged_is_about_what_goes_on_around_it():
    with logs.about(run="a"):
        with logs.about(worker="w"):
            assert dict(logs.ABOUT.get()) == {"run": "a", "worker": "w"}
        assert dict(logs.ABOUT.get()) == {"run": "a"}
    assert dict(logs.ABOUT.get()) == {}
    assert logging.getLogger("codeforge").handlers == []
