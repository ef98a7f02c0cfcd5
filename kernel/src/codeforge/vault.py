"""Secrets: encrypted at rest with a key outside the database, hashed for comparison, redacted in texts."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeforge import logs
from codeforge.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def digest(secret: str) -> str:
    """SHA-256 in hex. Enough without salt or stretching for secrets of 256 random bits, the only ones hashed here."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret(prefix: str) -> str:
    """A new secret of 256 bits behind a prefix that tells what it is for."""
    return prefix + secrets.token_urlsafe(32)


class Vault:
    """Encrypts with the key in ``path``, which is made (readable by its owner only) when it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unlocked: dict[bytes, str] = {}

    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        try:
            if not self._path.exists():
                handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with os.fdopen(handle, "wb") as new:
                    new.write(Fernet.generate_key())
            return Fernet(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"The key file {self._path} cannot be used ({error}): restore it from a backup."
            ) from error

    def lock(self, secret: str) -> bytes:
        """The secret, encrypted."""
        logs.hide(secret)
        return self._fernet().encrypt(secret.encode())

    def unlock(self, box: bytes) -> str:
        """The secret again. Raises `Unavailable` when the key file is not the one that it was locked with."""
        from cryptography.fernet import InvalidToken

        box = bytes(box)
        try:
            if box not in self._unlocked:  # every model call asks for its provider's key
                self._unlocked[box] = self._fernet().decrypt(box).decode()
                logs.hide(self._unlocked[box])
            return self._unlocked[box]
        except InvalidToken as error:
            raise Unavailable(
                f"The key file {self._path} is not the one that this secret was locked with: restore it, "
                "or set the secret again."
            ) from error


OURS = re.compile(r"\bcf(?:run|tok|wrk|ses|link)_[A-Za-z0-9_-]{43}")
"""What `new_secret` makes: known by its looks, on whatever machine."""


def redact(text: str, known: Iterable[str] = ()) -> str:
    """The text with CodeForge's own secrets and every known one (of at least 8 characters) replaced by dots."""
    for secret in known:
        if len(secret) >= 8:
            text = text.replace(secret, "•••")
    return OURS.sub("•••", text)


def cleaned(value: Any, known: Iterable[str] = ()) -> Any:
    """What an agent says, as JSON that every database takes and without secrets."""
    known = tuple(known)
    if isinstance(value, str):
        return redact(value, known).encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {str(name): cleaned(one, known) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one, known) for one in value]
    return value if value is None or isinstance(value, int | float) else cleaned(str(value), known)
