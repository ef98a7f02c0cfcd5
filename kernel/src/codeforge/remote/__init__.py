"""A worker's way to the servers: claims and commits over HTTP, reports through the queue."""

from codeforge.remote.coordinator import RemoteCoordinator
from codeforge.remote.door import Door
from codeforge.remote.source import RemoteSource

__all__ = ["Door", "RemoteCoordinator", "RemoteSource"]
