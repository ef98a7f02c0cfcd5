"""What the bridge of a sandbox tells: that it ended everything inside, and for which bound."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from codeforge.sandboxes import Bounds


class Reports(asyncio.DatagramProtocol):
    """``trouble`` is the first report in words. Whoever is inside can send one: it names a bound, and nothing else."""

    def __init__(self, bounds: Bounds) -> None:
        self._sentences = {
            b"memory": f"more than {bounds.memory_mb:,} MB of memory (setting sandbox_memory_mb)",
            b"processes": f"more than {bounds.processes:,} processes (setting sandbox_processes)",
        }
        self.trouble = ""

    def datagram_received(self, data: bytes, addr: object) -> None:
        if (what := self._sentences.get(data)) and not self.trouble:
            self.trouble = f"What ran for it took {what}, so its sandbox ended it."

    @classmethod
    @asynccontextmanager
    async def heard(cls, door: socket.socket, bounds: Bounds) -> AsyncIterator[Reports]:
        """The reports that come to ``door``."""
        loop = asyncio.get_running_loop()
        transport, reports = await loop.create_datagram_endpoint(lambda: cls(bounds), sock=door)
        try:
            yield reports
        finally:
            transport.close()
