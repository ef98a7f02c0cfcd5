"""What compose.yaml says of a server, started: its settings, its secrets' files, PostgreSQL, RabbitMQ and Caddy."""

import asyncio
import shutil
import subprocess
import sys

import aiohttp
import pytest
from docker_caddy import caddy
from docker_files import DOCKER, compose, environment, hand_out

from codeforge.testing import PrivatePostgres, PrivateRabbit, free_port

SERVICE = compose()["services"]["server-1"]


@pytest.fixture
def parts(tmp_path):
    """A database and a broker, and the secrets' files that lead to them: as made, but for where these are."""
    with PrivatePostgres() as postgres, PrivateRabbit() as rabbit:
        made = tmp_path / "made"
        subprocess.run([DOCKER / "make-secrets", made], check=True, capture_output=True)
        (made / "codeforge_database_url").write_text(postgres.new_database() + "\n")
        (made / "codeforge_broker_url").write_text(rabbit.url + "\n")
        yield hand_out(SERVICE, made, tmp_path / "secrets"), postgres


@pytest.mark.postgres
@pytest.mark.rabbitmq
@pytest.mark.xdist_group("rabbitmq")
@pytest.mark.skipif(not shutil.which("caddy"), reason="caddy is not installed: apt-get install caddy")
async def test_a_server_starts_from_the_compose_files_settings_and_secrets_and_people_sign_in(parts, tmp_path):
    secrets, postgres = parts
    port, data = str(free_port()), tmp_path / "data"
    mine = {"CODEFORGE_DATA_DIR": str(data), "CODEFORGE_HOST": "127.0.0.1", "CODEFORGE_PORT": port}
    env = environment(SERVICE, secrets) | mine | {"CODEFORGE_TRUSTED_PROXIES": "127.0.0.0/8"}
    env |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "codeforge"]
    server = await asyncio.create_subprocess_exec(
        *command, "serve", env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            link = (await server.stdout.readline()).decode().split()[-1]
        assert link.startswith("https://localhost/signin?token=")  # the address that people type
        check = [sys.executable, "-I", "-S", str(DOCKER / "health.py"), "server"]
        healthy = await asyncio.to_thread(subprocess.run, check, env=env, capture_output=True, text=True, check=False)
        assert healthy.returncode == 0, healthy.stdout
        async with caddy(tmp_path / "caddy", f"127.0.0.1:{port}") as proxy, aiohttp.ClientSession() as browser:
            data_sent = {"token": link.partition("token=")[2], "next": "/projects"}
            sent = browser.post(f"{proxy.url}/signin", data=data_sent, headers={"Origin": proxy.url}, ssl=proxy.tls)
            async with sent as answer:
                assert (answer.status, answer.url.path) == (200, "/projects")
        assert not (data / "codeforge.db").exists()
        doctor = await asyncio.to_thread(
            subprocess.run, [*command, "doctor"], env=env, capture_output=True, text=True, check=False
        )
        password = postgres.url.partition("@")[0].rpartition(":")[2]
        assert "amqp:// by" in doctor.stdout
        assert password not in doctor.stdout + doctor.stderr
    finally:
        server.terminate()
        said = (await server.communicate())[1].decode()
    assert server.returncode == 0
    assert "Ending.\n" in said
    assert "server stops" in said  # the log, which the engine takes
    assert password not in said
    assert not list(data.glob("codeforge.log*"))
