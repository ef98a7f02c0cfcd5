"""The worker: takes runs that are ready and sees each one through, whatever happens to it."""

from codeforge.worker.source import OwnMirrors, Source
from codeforge.worker.worker import Worker

__all__ = ["OwnMirrors", "Source", "Worker"]
