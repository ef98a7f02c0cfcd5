"""Settings that are wrong: the sentence names the setting, where it was set, what it is and what is allowed."""

import os

import pytest


def test_a_bad_environment_variable_is_named_with_its_value_and_what_is_allowed(codeforge):
    said = codeforge("doctor", code=1, CODEFORGE_PORT="abc").err
    assert said == (
        "The setting port (CODEFORGE_PORT) is 'abc', but must be a valid integer, "
        "unable to parse string as an integer.\n"
    )


def test_a_bad_flag_is_named_as_a_flag(codeforge):
    assert "The setting port (--port) is 70000" in codeforge("up", "--port", "70000", code=1).err


@pytest.fixture
def toml(codeforge):
    path = codeforge.folder / "home" / ".config" / "codeforge" / "codeforge.toml"
    path.parent.mkdir(parents=True)
    return path


def test_an_unknown_setting_in_the_file_is_named_with_the_near_one(codeforge, toml):
    toml.write_text("slot = 3\n")
    assert codeforge("doctor", code=1).err == f"There is no setting slot ({toml}): did you mean slots?\n"


def test_a_wrong_value_in_the_file_is_named_with_the_file(codeforge, toml):
    toml.write_text("slots = 0\n")
    assert (
        f"The setting slots ({toml}) is 0, but must be greater than or equal to 1." in codeforge("doctor", code=1).err
    )


def test_a_file_that_is_no_toml_is_named_with_the_place(codeforge, toml):
    toml.write_text("slots = \n")
    assert f"{toml} is not valid TOML (Invalid value (at line 1, column 9))" in codeforge("doctor", code=1).err


def test_a_setting_that_may_hold_a_password_is_not_repeated(codeforge, toml):
    toml.write_text('broker_url = ["amqp://user:hunter2@host"]\n')
    said = codeforge("doctor", code=1).err
    assert "broker_url" in said
    assert "hunter2" not in said


def test_two_wrong_settings_are_both_named(codeforge):
    said = codeforge("doctor", code=1, CODEFORGE_PORT="abc", CODEFORGE_SLOTS="0").err
    assert "CODEFORGE_PORT" in said
    assert "CODEFORGE_SLOTS" in said


def test_debug_shows_where_an_error_comes_from(codeforge):
    import subprocess
    import sys

    command = [sys.executable, "-m", "codeforge", "--debug", "doctor"]
    done = subprocess.run(
        command, env=codeforge.env | {"CODEFORGE_PORT": "abc"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_data_folder_that_cannot_be_made_is_a_sentence(codeforge):
    file = codeforge.folder / "file"
    file.touch()
    for words in (["up"], ["run", "--repo", ".", "x"], ["projects", "list"], ["doctor"]):
        done = codeforge(*words, code=1, CODEFORGE_DATA_DIR=str(file / "data"))
        assert f"The data folder {file}{os.sep}data cannot be written (Not a directory)" in done.out + done.err
