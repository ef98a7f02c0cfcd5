"""Which addresses are accepted: a local folder, https, ssh, and http to this very machine; nothing that runs things."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from codeforge import Invalid

_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?\w[\w.-]*:(?!//)[^-].*")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
# An operator's insteadOf may turn https into ssh and back; nothing may turn into a transport that starts a command.
_PROTOCOLS = {"file": "file", "https": "https:ssh", "ssh": "ssh:https", "http": "http:https"}


@dataclass(frozen=True, slots=True)
class Address:
    """A repository's address. ``path`` is set for a folder of this machine, and ``url`` is then that path."""

    url: str
    scheme: str
    path: Path | None = None

    @property
    def protocols(self) -> str:
        """What GIT_ALLOW_PROTOCOL is set to."""
        return _PROTOCOLS[self.scheme]


def parse(url: str) -> Address:
    """Raises `Invalid`, in one sentence that never repeats a password."""
    if not url.strip():
        raise _no("Give the address of a Git repository or the path of a folder.")
    if any(ord(c) < 32 or ord(c) == 127 for c in url):
        raise _no("The address contains control characters or line breaks: give it on one line.")
    url = url.strip()
    if url.startswith("-"):
        raise _no("The address begins with a dash, so that git would take it for an option: give a URL or a path.")
    if _HELPER.match(url):
        raise _no(f"Addresses of the form {url.split('::')[0]}:: run a command and are refused: use https or ssh.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        return _from_url(url)
    if _SCP_LIKE.fullmatch(url) and not Path(url).exists():
        return Address(url, "ssh")
    return _folder(url)


def _from_url(url: str) -> Address:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _no("The address is not a valid URL: check its host and port.") from None
    scheme = parts.scheme.lower()
    if scheme == "file":
        if host not in {"", "localhost"}:
            raise _no("A file:// address names another machine: use https or ssh, or the path of a local folder.")
        return _folder(unquote(parts.path))
    if scheme not in _PROTOCOLS:
        raise _no(f"Addresses with {scheme}:// are not supported: use https, ssh or a local folder.")
    if not host or host.startswith("-"):
        raise _no("The address names no valid host.")
    if parts.password is not None or (parts.username is not None and scheme != "ssh"):
        raise _no(
            "The address contains a user name or password, which would end up in logs: leave it out and give the"
            " user that runs CodeForge a git credential helper or an ssh key."
        )
    if scheme == "http" and not _is_loopback(host):
        raise _no("Plain http is accepted for this machine only: use https.")
    if (parts.username or "").startswith("-") or unquote(parts.path).startswith("/-"):
        raise _no("The address contains a part that begins with a dash, which ssh would take for an option.")
    return Address(scheme + url[len(scheme) :], scheme)


def _folder(text: str) -> Address:
    try:
        path = Path(text).expanduser().resolve()
    except (RuntimeError, OSError):
        raise _no(f"{text} is not a usable path.") from None
    return Address(str(path), "file", path)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _no(sentence: str) -> Invalid:
    return Invalid(sentence, field="url")
