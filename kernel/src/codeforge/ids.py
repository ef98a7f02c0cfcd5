"""Ids that sort by the time they were made: 48 bits of milliseconds and 80 of chance, in Crockford's base 32 (ULID)."""

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A new id: 26 lower-case letters and digits. Those of one process sort as they were made, within a moment, too."""
    global _last
    with _lock:
        _last = value = max((time.time_ns() // 1_000_000 << 80) | secrets.randbits(80), _last + 1)
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
