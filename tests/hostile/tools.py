"""The tools of one who breaks in, and all that it was told about the world outside."""

import base64
import contextlib
import ctypes
import json
import os
import socket
import sys
import urllib.error
import urllib.request

FACTS = json.loads(base64.b64decode(sys.argv[1]))
CANARIES = [text.encode() for text in FACTS["canaries"]]
GATEWAY, KEY, OTHER = os.environ["GATEWAY"], os.environ["KEY"], FACTS["other_key"]
HERE = GATEWAY.removesuffix("/llm/v1")
libc = ctypes.CDLL(None, use_errno=True)


def canary_in(data):
    return next((one.decode() for one in CANARIES if one in data), None)


def read(path):
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(4 << 20)
    return b""


def search(top):
    """The first canary in any file below a folder, whatever its rights say."""
    for folder, _, names in os.walk(top):
        for name in names:
            if found := canary_in(read(os.path.join(folder, name))):
                return f"{found} in {folder}/{name}"
    return None


def listed(*paths):
    return next((path for path in paths if os.path.lexists(path)), None)


def ask(url, method="GET", key=None, body=None, **headers):
    """The answer's status and text where it is no refusal, else None."""
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, method=method, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=3) as answer:
            return f"{answer.status} {answer.read(300)!r}"
    except (urllib.error.URLError, OSError):
        return None


def connect(family, address, kind=socket.SOCK_STREAM):
    try:
        with socket.socket(family, kind) as end:
            end.settimeout(2)
            end.connect(address)
            return f"connected to {address}"
    except OSError:
        return None


def write(path):
    """Whether a file could be written to, or made."""
    there = os.path.lexists(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | (0 if there else os.O_CREAT)))
    except OSError:
        return None
    if not there:
        os.unlink(path)
    return f"can write {path}"


def in_a_child(what):
    """The name of what worked in a child that is gone then."""
    pid = os.fork()
    if not pid:
        with contextlib.suppress(OSError):
            os._exit(0 if what() else 1)
        os._exit(1)
    return what.__name__ if os.waitpid(pid, 0)[1] == 0 else None


def raw(request):
    """What the server behind the way out says to bytes that no library would send; None when it refuses."""
    host, port = HERE.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 3) as end:
        end.sendall(request.encode())
        end.shutdown(socket.SHUT_WR)
        said = b""
        while block := end.recv(65536):
            said += block
    status = said.split(b" ", 2)[1] if said.startswith(b"HTTP/") else b""
    return None if status in (b"400", b"403", b"404", b"405", b"") else said[:300].decode(errors="replace")
