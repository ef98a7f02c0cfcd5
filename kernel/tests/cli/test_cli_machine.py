"""`codeforge doctor` and `codeforge agents`: what is on this machine, without a server."""

import json
import signal
import socket


def test_doctor_finds_everything_well(codeforge):
    done = codeforge("doctor", "--json", CODEFORGE_PORT="0")
    by_name = {part["name"]: part for part in done.json}
    assert by_name["models"]["detail"] == "echo"
    assert by_name["script"]["ok"]
    assert not by_name["agent missing"]["ok"]
    assert by_name["agent missing"]["fix"] == "codeforge agents install missing"
    assert all(part["ok"] for part in done.json if part["needed"])


def test_doctor_names_what_is_missing_and_how_to_get_it(codeforge):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {
            "CODEFORGE_PORT": str(taken.getsockname()[1]),
            "CODEFORGE_DEFAULT_AGENT": "aider",
            "CODEFORGE_BROKER_URL": "carrier-pigeon://roof",
            "CODEFORGE_MIN_FREE_MB": "1000000000",
        }
        said = codeforge("doctor", code=1, **settings).out
    assert "Address already in use" in said
    assert "no installed queue speaks carrier-pigeon://; there is memory://" in said
    assert "agent aider" in said
    assert "Make room" in said


def test_doctor_tells_of_a_broken_plugin(codeforge):
    world = codeforge.folder / "world"
    (world / "bad-1.dist-info").mkdir(parents=True)
    (world / "bad-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1\n")
    (world / "bad-1.dist-info" / "entry_points.txt").write_text("[codeforge]\nbad = bad\n")
    (world / "bad.py").write_text("raise RuntimeError('no good')\n")
    done = codeforge("doctor", "--json", code=1, PYTHONPATH=f"{codeforge.env['PYTHONPATH']}:{world}")
    [bad] = [part for part in done.json if part["name"] == "plugin bad"]
    assert "RuntimeError: no good" in bad["detail"]
    assert "uninstall bad" in bad["fix"]


def test_doctor_sees_the_server_that_runs(codeforge):
    with codeforge.up():
        assert "runs at http://127.0.0.1" in codeforge("doctor").out


def test_an_agent_is_installed_then_ready(codeforge):
    assert "not installed" in codeforge("agents", "check", "missing", code=1).out
    said = codeforge("agents", "install", "missing").err
    assert said == "bringing it\nbrought\nmissing 9.9 is ready.\n"
    assert json.loads(codeforge("agents", "check", "missing", "--json").out)[0]["version"] == "9.9"
    assert {a["name"]: a["ok"] for a in codeforge("agents", "list", "--json").json} == {
        "scripted": True,
        "missing": True,
    }


def test_an_unknown_agent_is_named_with_those_there_are(codeforge):
    assert "There is no agent x; there is missing, scripted." in codeforge("agents", "install", "x", code=1).err


def test_an_installation_can_be_stopped(codeforge):
    (codeforge.data / "agents" / "missing").mkdir(parents=True)
    (codeforge.data / "agents" / "missing" / "slow").touch()
    with codeforge.start("agents", "install", "missing") as started:
        started.says("slowly")
        started.interrupt(signal.SIGINT)
        done = started.end()
    assert done.code == 130
    assert done.err.endswith("Interrupted.\n")
    assert "not installed" in codeforge("agents", "check", "missing", code=1).out
