"""A real Caddy on the ports of a test, with docker/Caddyfile."""

import asyncio
import json
import os
import ssl
import subprocess
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

from docker_files import DOCKER

from codeforge.testing import free_port


@asynccontextmanager
async def caddy(folder, *servers):
    """Caddy on free ports of loopback before these servers; gives its addresses and what trusts its certificate."""
    folder.mkdir()
    named = ("HTTP_PORT", "HTTPS_PORT", "WORKERS_SITE", "PROXY_HEALTH")
    ports = {name: free_port() for name in (*named, "admin")}
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    env |= {f"CODEFORGE_{name}": str(ports[name]) for name in ("HTTP_PORT", "HTTPS_PORT")}
    env |= {f"CODEFORGE_{name}": f":{ports[name]}" for name in ("WORKERS_SITE", "PROXY_HEALTH")}
    env |= {"CADDY_ADMIN": f"127.0.0.1:{ports['admin']}", "CODEFORGE_SERVERS": " ".join(servers)}
    adapt = ["caddy", "adapt", "--config", str(DOCKER / "Caddyfile"), "--adapter", "caddyfile"]
    config = json.loads(subprocess.run(adapt, env=env, check=True, capture_output=True).stdout)
    for server in config["apps"]["http"]["servers"].values():  # in its container it listens everywhere
        server["listen"] = ["127.0.0.1:" + address.rpartition(":")[2] for address in server["listen"]]
    (folder / "caddy.json").write_text(json.dumps(config))
    command = ["caddy", "run", "--config", "caddy.json"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        health = f"http://127.0.0.1:{ports['PROXY_HEALTH']}/"
        url = f"https://localhost:{ports['HTTPS_PORT']}"
        await until(lambda: root.exists() and curl(health) == "200", process, folder / "log")

        def certified():  # its certificate is made meanwhile
            return curl("--cacert", str(root), f"{url}/api/v1/health") != "000"

        await until(certified, process, folder / "log")
        yield SimpleNamespace(
            url=url,
            plain=f"http://localhost:{ports['HTTP_PORT']}",
            workers=f"http://127.0.0.1:{ports['WORKERS_SITE']}",
            root=str(root),
            tls=ssl.create_default_context(cafile=root),
        )
    finally:
        process.terminate()
        process.wait(20)


async def until(true, process, log):
    deadline = time.monotonic() + 30
    while not true():
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        await asyncio.sleep(0.05)


def curl(*arguments, say="%{http_code}"):
    command = ["curl", "-s", "-o", "/dev/null", "--max-time", "20", "-w", say, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
