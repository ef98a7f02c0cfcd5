"""Tells a container engine whether this container does its work: exit code 0 or 1, and one line that says why.

``health.py server`` asks the server beside it; ``health.py worker`` asks the server that the worker works for.
"""

import os
import sys
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

SECONDS = 4
OPENER = build_opener(ProxyHandler({}))  # the question stays on this network


def ask(base: str, path: str) -> tuple[int, str]:
    """The status and the body's beginning of GET ``base`` + ``path``. Raises `OSError` when nothing answers."""
    try:
        with OPENER.open(base + path, timeout=SECONDS) as answer:
            return answer.status, answer.read(2000).decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(2000).decode("utf-8", "replace")


def main(role: str) -> int:
    """Ask; a server that cannot tell whether it is ready is asked whether it is alive."""
    here = f"http://127.0.0.1:{os.environ.get('CODEFORGE_PORT') or 8700}"
    base = here if role == "server" else os.environ.get("CODEFORGE_SERVER_URL", here).rstrip("/")
    try:
        status, said = ask(base, "/api/v1/health/ready" if role == "server" else "/api/v1/health/live")
        if status == 404:
            status, said = ask(base, "/api/v1/health")
    except (OSError, URLError) as error:
        status, said = 0, str(error)
    sys.stdout.write(f"{base}: {status} {said}\n")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "server"))
