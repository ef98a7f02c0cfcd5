"""The worker: takes runs that are ready and sees each one through, whatever happens to it."""

from codeforge.worker.room import Room
from codeforge.worker.tidying import Tidying
from codeforge.worker.worker import Worker

__all__ = ["Room", "Tidying", "Worker"]
