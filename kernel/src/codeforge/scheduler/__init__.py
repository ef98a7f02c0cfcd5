"""Who works on what, and when: the order of the queue, claims with a lease, and what becomes of a lost run.

Functions over the system's door; the caller's transaction makes each one atomic, and a claim exact.
"""

from codeforge.scheduler.claims import back_off, claim, held, renew
from codeforge.scheduler.facts import Caps, Hindrance, Place, Waiting, Why, WorkerFacts, World
from codeforge.scheduler.heads import unrung
from codeforge.scheduler.hours import check_hours
from codeforge.scheduler.line import line
from codeforge.scheduler.order import hindrance, pick, reasons
from codeforge.scheduler.retries import again
from codeforge.scheduler.silence import Silence
from codeforge.scheduler.workers import worker_facts, workers_alive

__all__ = [
    "Caps",
    "Hindrance",
    "Place",
    "Silence",
    "Waiting",
    "Why",
    "WorkerFacts",
    "World",
    "again",
    "back_off",
    "check_hours",
    "claim",
    "held",
    "hindrance",
    "line",
    "pick",
    "reasons",
    "renew",
    "unrung",
    "worker_facts",
    "workers_alive",
]
