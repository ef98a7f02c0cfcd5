"""Secrets: encrypted at rest with a key outside the database, hashed for comparison, redacted in texts."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeforge import logs
from codeforge.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def digest(secret: str) -> str:
    """SHA-256 in hex. Enough without salt or stretching for secrets of 256 random bits, the only ones hashed here."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret(prefix: str) -> str:
    """A new secret of 256 bits behind a prefix that tells what it is for."""
    return prefix + secrets.token_urlsafe(32)


class Vault:
    """Encrypts with the first key in the file ``path``, and decrypts with any that is in it.

    The file is made (readable by its owner only) when it is missing, and read anew each time: servers that share it
    notice at once that it was changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unlocked: dict[bytes, str] = {}

    def keys(self) -> list[bytes]:
        """The keys, that in use first; a second one is there while they are changed. Raises `Unavailable`."""
        from cryptography.fernet import Fernet

        try:
            if not self.path.exists():
                self._make(Fernet.generate_key())
            found = self.path.read_bytes().split()
            for one in found:
                Fernet(one)
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"The key file {self.path} cannot be used ({error}): restore it from a backup."
            ) from error
        if not found:
            raise Unavailable(f"The key file {self.path} is empty: restore it from a backup.")
        return found

    def _fernet(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(key) for key in self.keys()])

    def lock(self, secret: str) -> bytes:
        """The secret, encrypted."""
        logs.hide(secret)
        return self._fernet().encrypt(secret.encode())

    def unlock(self, box: bytes) -> str:
        """The secret again. Raises `Unavailable` when the key file is not the one that it was locked with."""
        box = bytes(box)
        if box not in self._unlocked:  # every model call asks for its provider's key
            with self._told():
                self._unlocked[box] = self._fernet().decrypt(box).decode()
            logs.hide(self._unlocked[box])
        return self._unlocked[box]

    def relock(self, box: bytes) -> bytes:
        """The same secret, encrypted with the key in use. Raises `Unavailable` as `unlock` does."""
        with self._told():
            return self._fernet().rotate(bytes(box))

    def opens(self, box: bytes, *, any_key: bool = False) -> bool:
        """Whether the key in use opens it, or with ``any_key`` one of those that are in the file."""
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet

        keys = [Fernet(key) for key in self.keys()]
        try:
            MultiFernet(keys if any_key else keys[:1]).decrypt(box)
        except InvalidToken:
            return False
        return True

    def begin(self) -> None:
        """Put a new key into use and keep those there were beside it, unless that was done before."""
        from cryptography.fernet import Fernet

        keys = self.keys()
        if len(keys) == 1:
            self._write([Fernet.generate_key(), *keys])

    def finish(self) -> None:
        """Forget all keys but that in use: nothing may be locked with them any more."""
        self._write(self.keys()[:1])

    @contextmanager
    def _told(self) -> Iterator[None]:
        from cryptography.fernet import InvalidToken

        try:
            yield
        except InvalidToken as error:
            raise Unavailable(
                f"The key file {self.path} is not the one that this secret was locked with: restore it, "
                "or set the secret again."
            ) from error

    def _make(self, key: bytes) -> None:
        """The file of a new installation; where another process was quicker, its file counts."""
        made = _private(self.path, [key])
        with suppress(FileExistsError):
            os.link(made, self.path)
        made.unlink()

    def _write(self, keys: list[bytes]) -> None:
        """Change the file in one step, so that a process that is killed leaves the old one or the new one."""
        try:
            _private(self.path, keys).replace(self.path)
            for left in self.path.parent.glob(f".{self.path.name}.*"):  # by one that was killed in the middle
                left.unlink()
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Unavailable(f"The key file {self.path} cannot be changed: {error.strerror}.") from error


def _private(path: Path, keys: list[bytes]) -> Path:
    """A new file beside ``path`` that only its owner can read, on the disk when this returns."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


OURS = re.compile(r"\bcf(?:run|tok|wrk|ses|link)_[A-Za-z0-9_-]{43}")
"""What `new_secret` makes: known by its looks, on whatever machine."""
_MARKS = ("cfrun_", "cftok_", "cfwrk_", "cfses_", "cflink_")
"""Looked for first, which is ten times as quick as the pattern."""


def redact(text: str, known: Iterable[str] = ()) -> str:
    """The text with CodeForge's own secrets and every known one (of at least 8 characters) replaced by dots."""
    for secret in known:
        if len(secret) >= 8:
            text = text.replace(secret, "•••")
    return OURS.sub("•••", text) if any(mark in text for mark in _MARKS) else text


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
