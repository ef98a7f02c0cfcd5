"""The sandbox on the command line: what `codeforge doctor` tells of it, and the hosts that a project allows."""

from codeforge.cli.commands.projects import edit


def sandbox(done):
    return next(row for row in done.json if row["name"] == "sandbox")


def test_doctor_tells_that_runs_would_fail_for_lack_of_a_sandbox_and_what_to_do(codeforge):
    row = sandbox(codeforge("doctor", "--json", code=1, CODEFORGE_SANDBOX="auto"))
    assert (row["ok"], row["needed"]) == (False, True)
    assert "No sandbox is installed. Install a plugin that brings one" in row["detail"]
    assert "sandbox=none or sandbox_fallback" in row["detail"]


def test_doctor_tells_that_nothing_confines_agents_where_that_is_wanted(codeforge):
    row = sandbox(codeforge("doctor", "--json", CODEFORGE_PORT="0"))
    assert (row["ok"], row["needed"]) == (False, False)
    assert row["detail"] == "none, as set: agents can do what the worker's user can"


def test_doctor_tells_of_a_fallback(codeforge):
    settings = {"CODEFORGE_SANDBOX": "auto", "CODEFORGE_SANDBOX_FALLBACK": "1", "CODEFORGE_PORT": "0"}
    row = sandbox(codeforge("doctor", "--json", **settings))
    assert row["detail"].startswith("No sandbox can be had (No sandbox is installed.")


def test_allowed_hosts_are_an_option_of_a_project():
    assert "--allow-host" in [name for option in edit.params for name in option.opts]
