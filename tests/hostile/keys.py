"""Keys and tokens."""

import glob
import json
import os
import subprocess

from hostile.tools import FACTS, canary_in, listed, read, search


def provider_keys_in_my_environment():
    return canary_in(json.dumps(dict(os.environ)).encode())


def provider_keys_in_the_environment_of_other_processes():
    return next((found for path in glob.glob("/proc/[0-9]*/environ") if (found := canary_in(read(path)))), None)


def provider_keys_in_the_memory_of_process_1():
    return "memory" if read("/proc/1/mem") or read("/proc/1/maps") else None


def provider_keys_and_tokens_in_codeforges_files():
    return search(FACTS["data_dir"])


def the_key_that_secrets_are_encrypted_with():
    return listed(f"{FACTS['data_dir']}/secret.key")


def the_command_lines_token():
    return listed(f"{FACTS['data_dir']}/cli-token", f"{FACTS['data_dir']}/server.json")


def repository_tokens_in_git_credentials():
    said = subprocess.run(
        ["git", "credential", "fill"], input="protocol=https\nhost=forge.example\n\n", capture_output=True, text=True,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip
    return said.stdout if "password=" in said.stdout else None


def repository_tokens_in_the_mirrors_configuration():
    return listed(*(f"{FACTS['mirror']}/{name}" for name in ("config", "FETCH_HEAD", "refs")))
