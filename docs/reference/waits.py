"""Why runs wait, as the queue tells it."""

from __future__ import annotations

from codeforge.scheduler import Why
from reference.tables import code, table

SENTENCES = {
    Why.FREE_WORKER: "Nothing but a free slot of a worker, and its turn by priority and fair share.",
    Why.PROJECT_LIMIT: "`max_runs` of its project are under way.",
    Why.TENANT_LIMIT: "As many runs as the limits allow in all are under way.",
    Why.AGENT_LIMIT: "As many runs of its agent as the limits allow are under way.",
    Why.PROVIDER_LIMIT: "As many runs with models of its provider as the limits allow are under way.",
    Why.BACK_OFF: "It was lost, or its repository or model did not answer; it starts again at the time that is shown.",
    Why.NOT_BEFORE: "Its task was submitted with a time to start.",
    Why.HOURS: "Its project's hours begin again at the time that is shown.",
    Why.NEEDS: "A task that its task needs has no accepted change; each is named, with what is the matter with it.",
    Why.NO_WORKER: "No worker gives word: start one.",
    Why.NO_LABEL: "No worker has all labels of its project: start one that has, or take the label away.",
    Why.NO_ROOM: "Every worker that could take it has too little disk (setting `min_free_mb`): make room there.",
    Why.NO_AGENT: "No worker has its agent: install it there, or retry with another.",
    Why.DRAINING: "Every worker that could take it finishes what it has and takes no more.",
    Why.BUDGET: "A budget does not allow its next model call; it goes on when that is raised, or begins anew.",
    Why.QUOTA: "Its provider takes no more until the time that is shown.",
}


def waits() -> str:
    """Each reason to wait, and what it means."""
    return table(("reason to wait", "what it means"), [(code(why), SENTENCES[why]) for why in Why])
