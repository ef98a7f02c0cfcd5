"""The worker: takes runs that are ready and sees each one through, whatever happens to it."""

from codeforge.worker.patience import insist
from codeforge.worker.room import Room
from codeforge.worker.source import Escrowed, OwnMirrors, Source
from codeforge.worker.tidying import Tidying
from codeforge.worker.worker import Worker

__all__ = ["Escrowed", "OwnMirrors", "Room", "Source", "Tidying", "Worker", "insist"]
