"""compose.yaml and Dockerfile by the book: the schema, what every service must have, settings that there are."""

import fnmatch
import json
import re
import shlex
import stat
import subprocess
from pathlib import Path

import jsonschema
import pytest
from docker_files import DOCKER, ROOT, compose, environment, hand_out, stages

from codeforge import Settings
from codeforge.forge import Forge, Offers
from codeforge.store import Store

COMPOSE = compose()
SERVICES = COMPOSE["services"]
OURS = [name for name in SERVICES if name.startswith(("server", "worker"))]
SCHEMA = Path(__file__).with_name("compose-spec.json")
"""The Compose Specification's own schema (Apache-2.0), as the npm package dclint 3.1.0 carries it."""

every_service = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture
def made(tmp_path):
    """What make-secrets writes, with a worker's token as somebody has filled it in."""
    subprocess.run([DOCKER / "make-secrets", tmp_path / "made"], check=True, capture_output=True)
    (tmp_path / "made" / "worker_1_token").write_text("cft_1\n")
    (tmp_path / "made" / "worker_2_token").write_text("cft_2\n")
    return tmp_path / "made"


def test_the_compose_file_is_valid_by_its_specifications_schema():
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []
    wrong = compose()
    wrong["services"]["proxy"]["read_onlY"] = True
    assert not validator.is_valid(wrong)


@every_service
def test_no_service_is_root_or_may_become_it_or_write_to_its_image(name):
    service = SERVICES[name]
    assert service["user"] not in ("root", "0", "0:0")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    confining = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"] if "worker" in name else []
    assert service["security_opt"] == ["no-new-privileges:true", *confining]  # bubblewrap confines a worker's runs
    assert not service.get("privileged")
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])


@every_service
def test_every_service_has_bounds_a_health_check_and_time_to_end(name):
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"]
    assert service["logging"]["options"]["max-size"]


@every_service
def test_what_a_service_waits_for_is_healthy_first(name):
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert needed in SERVICES
        assert how == {"condition": "service_healthy"}


def test_what_is_named_is_declared_and_what_is_declared_is_used():
    for kind in ("networks", "secrets", "volumes"):
        used = set()
        for service in SERVICES.values():
            for item in service.get(kind, ()):
                used.add(item["source"] if isinstance(item, dict) else item.split(":")[0])
        assert used == set(COMPOSE[kind]), kind


def test_every_service_keeps_its_data_in_a_volume_of_its_own():
    volumes = [volume for service in SERVICES.values() for volume in service["volumes"]]
    assert len(volumes) == len(SERVICES) == len({volume.split(":")[0] for volume in volumes})


def test_workers_reach_neither_the_database_nor_a_server_but_through_the_proxy():
    for name in OURS:
        networks = set(SERVICES[name]["networks"])
        assert networks == ({"front", "back", "broker"} if name.startswith("server") else {"work", "broker"})
    assert [name for name, service in SERVICES.items() if "back" in service["networks"]] == [
        "server-1", "server-2", "database",
    ]  # fmt: skip
    assert COMPOSE["networks"]["back"]["internal"]
    assert COMPOSE["networks"]["broker"]["internal"]


def test_only_the_proxy_can_be_reached_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_no_password_stands_in_the_file_and_workers_get_none_of_the_database():
    assert not re.search(r"PASSWORD:|://[^\s/]*:[^\s/]*@", (DOCKER / "compose.yaml").read_text())
    for name in OURS:
        given = {s if isinstance(s, str) else s["target"] for s in SERVICES[name]["secrets"]}
        servers = {"codeforge_database_url", "codeforge_broker_url", "codeforge_key"}
        assert given == (servers if name.startswith("server") else {"codeforge_token", "codeforge_broker_url"})


def test_secrets_are_made_once_for_the_owners_eyes_only(made):
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    assert set(before) == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in made.iterdir())
    subprocess.run([DOCKER / "make-secrets", made], check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


def test_the_parts_agree_on_their_passwords(made):
    password = (made / "database_password").read_text().strip()
    url = (made / "codeforge_database_url").read_text()
    environment = SERVICES["database"]["environment"]
    assert url.startswith(f"postgresql://{environment['POSTGRES_USER']}:{password}@database:5432/")
    assert url.strip().endswith(f"/{environment['POSTGRES_DB']}")
    broker = dict(line.split(" = ") for line in (made / "broker_conf").read_text().splitlines())
    wanted = f"amqp://{broker['default_user']}:{broker['default_pass']}@broker:5672/%2F"
    assert (made / "codeforge_broker_url").read_text().strip() == wanted


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_each_process_are_settings_that_there_are(name, made, tmp_path, monkeypatch):
    service = SERVICES[name]
    env = environment(service, hand_out(service, made, tmp_path / "secrets"))
    monkeypatch.setattr("os.environ", env)
    named = {name.removeprefix("CODEFORGE_").lower() for name in service["environment"]}
    assert named <= set(Settings.model_fields)
    settings = Settings()
    assert settings.broker_url.startswith("amqp://codeforge:")
    if name.startswith("server"):
        assert settings.database_url.startswith("postgresql://codeforge:")
        assert settings.allow_remote
        assert [str(network) for network in settings.trusted_proxies] == [
            COMPOSE["networks"]["front"]["ipam"]["config"][0]["subnet"]
        ]
    else:
        assert (settings.database_url, settings.key_file) == ("", None)
        assert settings.token.get_secret_value().startswith("cft_")
        assert settings.server_url == "http://proxy:8080"


async def test_two_servers_with_the_made_key_read_each_others_secrets(made, tmp_path):
    vaults = []
    for server in ("a", "b"):
        store = await Store.open(tmp_path)
        settings = Settings(data_dir=tmp_path / server, key_file=made / "codeforge_key")
        vaults.append(Forge(settings, store, Offers()).vault)
        await store.close()
    assert vaults[1].unlock(vaults[0].lock("sk-0123456789")) == "sk-0123456789"


def test_the_proxy_knows_every_server():
    servers = SERVICES["proxy"]["environment"]["CODEFORGE_SERVERS"].split()
    assert servers == [f"{name}:8700" for name in SERVICES if name.startswith("server")]


def test_every_image_is_a_stage_that_ends_as_an_ordinary_user_and_stops_politely():
    found = stages()
    for name in OURS:
        service = SERVICES[name]
        stage = found[service["build"]["target"]]
        assert stage.last("USER") == service["user"] == "10001:10001"
        health = stage.last("HEALTHCHECK").partition("CMD ")[2]
        assert json.loads(health) == service["healthcheck"]["test"][1:]
    assert found["common"].last("STOPSIGNAL") == "SIGTERM"
    assert found[SERVICES["proxy"]["build"]["target"]].last("USER") == SERVICES["proxy"]["user"]


def test_stages_stand_on_earlier_ones_or_on_a_base_that_can_be_chosen():
    earlier = ["${BASE}", "${CADDY}"]
    for name, stage in stages().items():
        assert stage.base in earlier
        for instruction, argument in stage.steps:
            if source := re.match(r"--from=(\w+)", argument):
                assert instruction == "COPY"
                assert source[1] in earlier
        earlier.append(name)


def test_no_compiler_is_in_an_image_and_what_is_copied_is_let_through():
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name, stage in stages().items():
        for instruction, argument in stage.steps:
            if instruction == "RUN" and name != "build":
                assert not re.search(r"gcc|build-essential|-dev\b|pip install|npm", argument)
            if instruction == "COPY" and not argument.startswith("--from"):
                *sources, _ = shlex.split(argument)
                assert all(s == "." or any(fnmatch.fnmatch(s, glob) for glob in let_through) for s in sources)
                assert all((ROOT / source).exists() for source in sources)
    assert all((ROOT / path).exists() for path in let_through)
