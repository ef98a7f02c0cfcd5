"""Runs: watch them, steer them, talk to them, judge their change."""

from dataclasses import asdict
from typing import Annotated

from pydantic import Field

from codeforge.forge import Forge, claims
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.once import Made
from codeforge.http.schemas import Address, Id
from codeforge.model import ADVICE, Principal, Run


def shape(forge: Forge, run: Run) -> schemas.Run:
    """The run as the API shows it."""
    facts = {name: getattr(run, name) for name in schemas.Run.model_fields if hasattr(run, name)}
    claimed = schemas.Claim.of(run.claimed) if run.claimed else None
    facts["usage"] = schemas.RunUsage(
        **asdict(run.usage), claimed=claimed, disagreement=claims.disagreement(run.usage, run.claimed)
    )
    return schemas.Run(
        **facts,
        advice=ADVICE[run.reason] if run.reason else "",
        stopping=run.want == "stop",
        pausing=run.want == "pause",
        verbs=[*forge.runs.verbs(run)],
    )


async def last_run(forge: Forge, who: Principal, made: Made) -> schemas.Run:
    """The run that a request has made, or else the one that its path names."""
    return shape(forge, await forge.runs.get(who, made.get("run") or made["id"]))


@operation("GET", "/runs")
async def list_runs(
    forge: Forge,
    who: Principal,
    *,
    live: bool = False,
    project: Id = "",
    before: Id = "",
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> schemas.Page[schemas.Run]:
    """List runs, newest first: all, a project's, or with live only those that have not ended."""
    found = await forge.runs.list(who, project_id=project, live=live, before=before, limit=limit)
    return schemas.Page(items=[shape(forge, run) for run in found], next=found[-1].id if len(found) == limit else None)


@operation("GET", "/runs/{id}", errors=(404,))
async def read_run(forge: Forge, who: Principal, id: Id) -> schemas.Run:
    """Read one run: its state, change, check and use of models, and what can be done with it now."""
    return shape(forge, await forge.runs.get(who, id))


@operation("GET", "/runs/{id}/diff", errors=(404,))
async def read_diff(forge: Forge, who: Principal, id: Id, path: Address | None = None) -> schemas.Diff:
    """Read what a run changed: the files, and the diff of one path or of all."""
    files = [schemas.FileChange.of(file) for file in await forge.runs.changes(who, id)]
    return schemas.Diff(files=files, diff=await forge.runs.diff(who, id, path))


@operation("POST", "/runs/{id}/stop", errors=(404,))
async def stop_run(forge: Forge, who: Principal, id: Id) -> schemas.Run:
    """Ask a run to stop; what it did so far is kept. It has stopped when its state says so."""
    return shape(forge, await forge.runs.stop(who, id))


@operation("POST", "/runs/{id}/pause", errors=(404, 409))
async def pause_run(forge: Forge, who: Principal, id: Id) -> schemas.Run:
    """Ask a run to pause: its agent ends, its work is kept. It is paused, and its slot free, when its state says so."""
    return shape(forge, await forge.runs.pause(who, id))


@operation("POST", "/runs/{id}/resume", errors=(404, 409))
async def resume_run(forge: Forge, who: Principal, id: Id) -> schemas.Run:
    """Put a paused run back into the queue, from where it goes on with its work; a wish to pause is taken back."""
    return shape(forge, await forge.runs.resume(who, id))


@operation("PATCH", "/runs/{id}", errors=(404, 409))
async def edit_run(forge: Forge, who: Principal, id: Id, body: schemas.RunEdit) -> schemas.Run:
    """Give a run that waits another priority; a higher one overtakes in the queue and ends nothing."""
    return shape(forge, await forge.runs.prioritise(who, id, body.priority))


@operation("POST", "/runs/{id}/restart", status=201, errors=(404,))
async def restart_run(forge: Forge, who: Principal, id: Id) -> schemas.Run:
    """Begin a run's task anew from scratch, and stop the run if it is not over; asked again, gives the same new run."""
    return shape(forge, await forge.runs.restart(who, id))


@operation("POST", "/runs/{id}/retry", status=201, errors=(404, 409), once=last_run)
async def retry_run(forge: Forge, who: Principal, id: Id, body: schemas.Retry = schemas.Retry()) -> schemas.Run:  # noqa: B008
    """Try the task of a run that has ended once more, from scratch or from the work that the run left."""
    work = body.start == "work"
    return shape(forge, await forge.runs.retry(who, id, work=work, agent=body.agent, model=body.model))


@operation("POST", "/runs/{id}/messages", status=201, errors=(404, 409), once=last_run)
async def send_message(forge: Forge, who: Principal, id: Id, body: schemas.Words) -> schemas.Run:
    """Say something to a run at work, or go on from one that has ended; gives the run that has the message."""
    return shape(forge, await forge.runs.message(who, id, body.text))


@operation("POST", "/runs/{id}/answers", errors=(404, 409))
async def answer_run(forge: Forge, who: Principal, id: Id, body: schemas.Answer) -> schemas.Run:
    """Answer a question of a run's agent, which goes on then; the same answer again changes nothing."""
    return shape(forge, await forge.runs.answer(who, id, body.question, body.answer))


@operation("POST", "/runs/{id}/review", errors=(404, 409), once=last_run)
async def review_run(forge: Forge, who: Principal, id: Id, body: schemas.Verdict) -> schemas.Run:
    """Accept a change (deliver it to the branch), send it back with a comment (gives the new run), or reject it."""
    given = body.model_dump(exclude={"verdict"})
    return shape(forge, await forge.reviews.give(who, id, body.verdict, **given))


@operation("POST", "/runs/{id}/replay", status=201, errors=(404, 409), once=last_run)
async def replay_run(forge: Forge, who: Principal, id: Id) -> schemas.Run:
    """Do a run that has ended once more with the answers that its model gave; no model is called."""
    return shape(forge, await forge.runs.replay(who, id))


OPERATIONS = (
    list_runs,
    read_run,
    edit_run,
    read_diff,
    stop_run,
    pause_run,
    resume_run,
    restart_run,
    retry_run,
    send_message,
    answer_run,
    review_run,
    replay_run,
)
