"""Ports for tests that start servers."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A free TCP port of 127.0.0.1 below 32768.

    From there on the system hands ports out to outgoing connections: a server that is restarted on such a
    port can find it taken by the client that waits for it.
    """
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
