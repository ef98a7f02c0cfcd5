"""The peer: LiteLLM's proxy server, in an environment of its own that is made when it is first measured."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import uv

from codeforge.testing import free_port

HOME = Path(__file__).parents[1] / ".dev" / "litellm-proxy"
KEY = "sk-bench"
SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_OFFLINE_MODE": "true",
}


def installed() -> Path:
    """The proxy's command; installed when it is missing, which takes a minute. Raises `CalledProcessError`."""
    command = HOME / "bin" / "litellm"
    if not command.exists():
        subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "--clear", HOME], check=True)
        wanted = f"litellm[proxy]=={version('litellm')}"
        install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", HOME / "bin" / "python", wanted]
        subprocess.run([uv.find_uv_bin(), *install], check=True)
    return command


@contextmanager
def proxy(provider: str) -> Iterator[tuple[str, str, int]]:
    """(address, key, process id) of a proxy with one worker, for the provider's model "talk"."""
    port = free_port()
    priced = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "api_base": provider, "api_key": "any"}
    models = [{"model_name": "talk", "litellm_params": {"model": "openai/talk", **priced}}]
    config = {"model_list": models, "general_settings": {"master_key": KEY}, "litellm_settings": {"telemetry": False}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(json.dumps(config))
        words = [installed(), "--config", file, "--port", str(port), "--host", "127.0.0.1", "--num_workers", "1"]
        env = {**os.environ, **SETTINGS}
        with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(f"http://127.0.0.1:{port}/health/liveliness", process)
                yield f"http://127.0.0.1:{port}/v1", KEY, process.pid
            finally:
                process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.2)
    raise RuntimeError("the LiteLLM proxy did not start")
