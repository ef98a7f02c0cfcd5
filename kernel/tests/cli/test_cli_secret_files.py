"""Settings from files, as Docker and Kubernetes hand out secrets; what they hold is never shown."""

import pytest

from codeforge import Settings
from codeforge.secret_files import masked

URL = "amqp://forge:hunter2@127.0.0.1:1/"


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """The folder of secrets' files."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("CODEFORGE_SECRETS_DIR", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return folder


def test_a_setting_is_read_from_its_file_without_the_line_end(secrets):
    (secrets / "codeforge_broker_url").write_text(URL + "\n")
    (secrets / "codeforge_token").write_text("cft_1\n")
    (secrets / "another_programs").write_text("x")
    settings = Settings()
    assert settings.broker_url == URL
    assert settings.token.get_secret_value() == "cft_1"


def test_the_environment_counts_before_a_file_and_a_file_before_codeforge_toml(secrets, tmp_path, monkeypatch):
    toml = tmp_path / "config" / "codeforge" / "codeforge.toml"
    toml.parent.mkdir(parents=True)
    toml.write_text("slots = 3\nport = 3\nlease = 3\n")
    for name in ("slots", "port"):
        (secrets / f"codeforge_{name}").write_text("4")
    monkeypatch.setenv("CODEFORGE_SLOTS", "5")
    settings = Settings()
    assert (settings.slots, settings.port, settings.lease) == (5, 4, 3)


def test_passwords_are_not_in_the_printed_settings_nor_in_errors(secrets):
    (secrets / "codeforge_broker_url").write_text(URL)
    (secrets / "codeforge_database_url").write_text("postgresql://forge:hunter2@db/codeforge")
    (secrets / "codeforge_token").write_text("hunter2")
    assert "hunter2" not in f"{Settings()!r} {Settings()}"
    assert "broker_url='amqp://forge:•••@127.0.0.1:1/'" in repr(Settings())
    with pytest.raises(ValueError, match="broker_url") as caught:
        Settings(broker_url=["amqp://forge:hunter2@host"])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("amqp://forge:a:b@c/d@host:5672/v", "amqp://forge:•••@host:5672/v"),
        ("postgresql://host:5432/db?user=a&password=hunter2&x=1", "postgresql://host:5432/db?user=a&password=•••&x=1"),
        ("memory://", "memory://"),
        ("amqp://host:5672/", "amqp://host:5672/"),
    ],
)
def test_an_address_is_shown_without_its_password(address, shown):
    assert masked(address) == shown


def test_doctor_and_the_log_name_a_broker_without_its_password(codeforge, secrets):
    (secrets / "codeforge_broker_url").write_text(URL)
    off = "agents_aider,llm_litellm,scm_git,ui_web"
    said = codeforge("doctor", code=1, CODEFORGE_SECRETS_DIR=str(secrets), CODEFORGE_DISABLED_PLUGINS=off)
    assert "127.0.0.1:1" in " ".join(said.out.split())
    log = "".join(path.read_text() for path in codeforge.folder.rglob("codeforge.log"))
    assert "hunter2" not in said.out + said.err + log


def test_a_file_that_cannot_be_used_is_a_sentence_and_never_passed_over(codeforge, secrets):
    def refused():
        return codeforge("agents", "list", code=1, CODEFORGE_SECRETS_DIR=str(secrets)).err

    file = secrets / "codeforge_database_url"
    file.mkdir()
    assert refused() == f"The setting's file {file} cannot be read (Is a directory): mend it or its rights.\n"
    file.rmdir()
    file.write_text(" \n")
    assert refused() == f"The setting's file {file} is empty: write the value into it, or remove it.\n"
    file.write_bytes(b"\xff\xfe")
    assert refused() == f"The setting's file {file} is no text: write the value alone into it.\n"


def test_a_wrong_value_is_named_with_its_file(codeforge, secrets):
    (secrets / "codeforge_slots").write_text("many")
    said = codeforge("agents", "list", code=1, CODEFORGE_SECRETS_DIR=str(secrets)).err
    assert f"The setting slots ({secrets / 'codeforge_slots'}) is 'many', but must be a valid integer" in said


def test_a_folder_that_is_not_there_is_named(codeforge, tmp_path):
    said = codeforge("agents", "list", code=1, CODEFORGE_SECRETS_DIR=str(tmp_path / "none")).err
    assert said == f"There is no folder {tmp_path / 'none'}: correct CODEFORGE_SECRETS_DIR.\n"


def test_networks_of_proxies_are_separated_by_commas(codeforge, monkeypatch):
    monkeypatch.setenv("CODEFORGE_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    assert [str(network) for network in Settings().trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]
    said = codeforge("agents", "list", code=1, CODEFORGE_TRUSTED_PROXIES="10.0.0.0/8,proxy").err
    assert (
        "The setting trusted_proxies (CODEFORGE_TRUSTED_PROXIES) is '10.0.0.0/8,proxy', but must be networks such as"
        in said
    )
    assert said.endswith("'proxy' does not appear to be an IPv4 or IPv6 network.\n")
