"""The images are really built, and their processes really run: as their user, on a read-only root. Needs root, a
Debian mirror and package registries; takes five to ten minutes and up to 12 GB while it runs.
"""

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker_files import compose, environment
from docker_images import Images, hardened, missing, run

from codeforge.testing import PrivateRabbit, free_port

pytestmark = [
    pytest.mark.slow, pytest.mark.images, pytest.mark.rabbitmq, pytest.mark.timeout(1800),
    pytest.mark.xdist_group("images"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]  # fmt: skip
SERVICES = compose()["services"]
HEALTH = ("python3", "-I", "-S", "/usr/local/lib/codeforge/health.py", "server")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Both images, built on a bare Debian with Python."""
    images = Images(tmp_path_factory.mktemp("images"))
    try:
        images.bare("base", "python3", "python3-venv", "ca-certificates")
        for target in ("server", "worker"):
            images.build(target, BASE="localhost/base")
        yield images
    finally:
        images.close()
        subprocess.run(["rm", "-rf", images.folder], check=False)


@pytest.fixture(params=["server", "worker"])
def image(images, request):
    """(images, name, what the engine reads of it)"""
    inspected = json.loads(images.buildah("inspect", "--type", "image", f"localhost/{request.param}"))
    return images, request.param, inspected["Docker"]["config"]


def test_an_image_says_how_it_is_run(image):
    _, name, config = image
    service = SERVICES[f"{name}-1"]
    assert (config["User"], config["StopSignal"]) == (service["user"], "SIGTERM")
    assert config["Healthcheck"]["Test"] == service["healthcheck"]["test"]
    assert (config["Entrypoint"], config["Cmd"]) == (["codeforge"], [{"server": "serve"}.get(name, name)])
    assert list(config["Volumes"]) == ["/data"]
    assert config["Labels"]["org.opencontainers.image.title"] == f"CodeForge {name}"


def test_an_image_has_what_it_needs_and_no_compiler_cache_or_source(image):
    images, name, _ = image
    root = images.mounted(name)
    for program in ("git", "ssh"):
        assert (root / "usr" / "bin" / program).exists()
    assert not [path for program in ("gcc", "cc", "node", "npm") for path in root.glob(f"usr/bin/{program}")]
    assert not [folder for folder in ("src", "wheels", "uv", "root/.cache", "root/.npm") if (root / folder).exists()]
    assert list((root / "tmp").iterdir()) == []
    kernel = next((root / "opt" / "codeforge" / "lib").glob("python3.*/site-packages/codeforge"))
    assert list(kernel.glob("__pycache__/process.*.pyc"))
    assert list(kernel.parent.glob("codeforge_ui_web/static/manifest.json"))
    assert list(kernel.parent.glob("pytest*")) == []


def test_an_image_belongs_to_root_but_for_its_data(image):
    images, name, _ = image
    root = images.mounted(name)
    theirs = run("find", root, "-xdev", "(", "-uid", "10001", "-o", "-type", "f", "-perm", "-0002", ")")
    assert theirs.split() == [str(root / "data")]


def test_the_server_starts_as_its_user_on_a_read_only_root_is_well_and_stops_politely(images):
    port = str(free_port())
    with up(images, "server", "serve", CODEFORGE_PORT=port, CODEFORGE_HOST="127.0.0.1") as (server, inside):
        until(lambda: inside(*HEALTH).returncode == 0, server)
        assert "https://localhost/signin?token=" in inside("codeforge", "link").stdout
        assert inside("sh", "-c", "touch /opt/x").returncode != 0
        assert inside("sh", "-c", "touch /data/x /tmp/x").returncode == 0
        status = inside("cat", "/proc/1/status").stdout
        assert "Uid:\t10001\t10001\t10001\t10001" in status
        assert "NoNewPrivs:\t1" in status
        assert "CapEff:\t0000000000000000" in status
        assert "CapBnd:\t0000000000000000" in status


def test_a_worker_in_its_image_joins_a_server_in_another_is_well_and_drains(images):
    with PrivateRabbit() as rabbit:
        port, broker = str(free_port()), {"CODEFORGE_BROKER_URL": rabbit.url}
        own = {"CODEFORGE_PORT": port, "CODEFORGE_HOST": "127.0.0.1"}
        with up(images, "server", "serve", **own, **broker) as (server, inside):
            until(lambda: inside(*HEALTH).returncode == 0, server)
            added = json.loads(inside("codeforge", "workers", "add", "far", "--json").stdout)
            theirs = {"CODEFORGE_SERVER_URL": f"http://127.0.0.1:{port}", "CODEFORGE_TOKEN": added["secret"]}
            with up(images, "worker", "worker", said="is ready for", **theirs, **broker) as (worker, within):
                until(lambda: within(*HEALTH[:-1], "worker").returncode == 0, worker)
                listed = json.loads(inside("codeforge", "workers", "list", "--json").stdout)
                assert [one["agents"] for one in listed if one["name"] == "far"] == [
                    ["aider", "opencode", "openhands", "swe"]
                ]


def test_in_the_workers_image_aider_does_a_whole_run_on_a_read_only_root(images):
    """The demo: a task, Aider with recorded answers of a model, a check, a merged commit; no network is needed."""
    assert "0.86" in images.run("worker", "codeforge", "agents", "check", "aider")
    assert "2.4.6" in images.run("worker", "codeforge", "agents", "check", "swe")
    command = hardened(images.mounted("worker"), SERVICES["worker-1"]["user"], "codeforge", "up", "--demo", "--once")
    env = clean("worker") | {"CODEFORGE_HOST": "127.0.0.1", "CODEFORGE_PORT": "0"}
    env["CODEFORGE_SANDBOX"] = "none"  # nobody makes user namespaces in the chroot that stands for a container here
    del env["CODEFORGE_SERVER_URL"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Merged: commit" in done.stdout


def test_the_proxys_image_reads_its_caddyfile_as_its_user_on_a_read_only_root(images):
    """Debian's Caddy stands in for the official image."""
    images.more("caddy", "base", "caddy")
    images.build("proxy", BASE="localhost/base", CADDY="localhost/caddy")
    service = SERVICES["proxy"]
    command = ["caddy", "validate", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
    env = {"PATH": "/usr/bin:/bin", "HOME": "/data", "XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"}
    done = subprocess.run(
        hardened(images.mounted("proxy"), service["user"], *command), env=env | service["environment"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Valid configuration" in done.stdout + done.stderr


@contextmanager
def up(images, image, *command, said="CodeForge runs.", **settings):
    """Start ``codeforge COMMAND`` as compose does until it has ``said`` that it is up; gives the process and a function
    that runs commands beside it.
    """
    env = clean(image) | settings
    started = subprocess.Popen(
        hardened(images.mounted(image), SERVICES[f"{image}-1"]["user"], "codeforge", *command), env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        heard = ""
        while said not in heard:
            line = started.stdout.readline()
            assert line, heard
            heard += line
        yield started, lambda *words: beside(started, env, *words)
        [first] = _children(started.pid)
        os.kill(first, signal.SIGTERM)
        assert started.wait(30) == 0
    finally:
        if started.poll() is None:  # a test has failed, and it is still at work
            for child in _children(started.pid):
                os.kill(child, signal.SIGKILL)
            started.wait(30)
        started.stdout.close()


def clean(image):
    """The environment that the image and compose give, but for what needs the other services."""
    service = SERVICES[f"{image}-1"]
    env = environment(service, "/run/secrets")
    of_image = {
        "PATH": "/opt/codeforge/bin:/usr/local/bin:/usr/bin:/bin", "HOME": "/data", "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1", "CODEFORGE_DATA_DIR": "/data", "CODEFORGE_AGENTS_DIR": "/opt/agents",
    }  # fmt: skip
    apart = ("CODEFORGE_KEY_FILE", "CODEFORGE_SECRETS_DIR")
    return of_image | {k: v for k, v in env.items() if k.startswith("CODEFORGE_") and k not in apart}


def beside(process, env, *words):
    """Run a command in the container of a process, as `docker compose exec` does."""
    [first] = _children(process.pid)
    command = ["nsenter", "--target", first, "--mount", "--pid", "--root", "--wd"]
    command += ["setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups", "--no-new-privs", *words]
    return subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, check=False, timeout=60)


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(true, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "it is not well yet"
        time.sleep(0.1)
