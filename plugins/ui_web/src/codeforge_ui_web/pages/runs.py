"""A run: its page, what of it changes while one watches, and what people can do about it."""

from __future__ import annotations

from collections import deque
from typing import Any

from aiohttp import web

from codeforge import Invalid, Kind, NotFound, Run, RunState
from codeforge.abilities import HOW, Ability
from codeforge.forge.runs import LIVE
from codeforge.http import FORGE, who
from codeforge.model import ADVICE
from codeforge_ui_web.changes import shown
from codeforge_ui_web.choices import choices
from codeforge_ui_web.forms import by_script, done, fields, go
from codeforge_ui_web.pages.budgets import PERIODS
from codeforge_ui_web.pages.raising import lacking
from codeforge_ui_web.render import html, render
from codeforge_ui_web.words import bare

MOST_FILES, MOST_OUTPUT = 500, 1000
"""Files and lines of the check's output that the page shows; a script can have all."""
MOST_PRIORITY = 1_000_000
_LATER = {Ability.FOLLOW_UP: "followed", Ability.PAUSE: "paused"}
"""What is said of these stands in the middle of a sentence."""
WAITS = RunState.QUEUED, RunState.WAITING


async def _run(request: web.Request) -> Run:
    return await request.app[FORGE].runs.get(who(request), request.match_info["id"])


async def _about(request: web.Request) -> dict[str, Any]:
    """What the page and its pieces show of the run."""
    forge, person, run = request.app[FORGE], who(request), await _run(request)
    task, project = await forge.tasks.get(person, run.task_id), await forge.projects.get(person, run.project_id)
    replayed = any(call["replayed"] for call in await forge.calls.of_run(person, run.id))
    advice = ADVICE[run.reason] if run.reason else ""
    worker = await forge.workers.name(person, run.worker) if run.worker else ""
    return {
        "run": run,
        "worker": worker,
        "task": task,
        "project": project,
        "replayed": replayed,
        "advice": advice,
        "can": forge.runs.verbs(run),
        **await _words(request, run),
        "lacks": await lacking(request, run),
        "periods": PERIODS,
        "live": run.state in LIVE,
        "as_seen": _as_seen(run),
        "waits": await forge.line.why(person, run.id) if run.state in WAITS else "",
    }


async def _words(request: web.Request, run: Run) -> dict[str, str]:
    """How what people may want of the run's agent comes about."""
    able = await request.app[FORGE].agents.abilities(who(request), run)
    said = {ability: HOW[ability, by] for ability, by in able.items()}
    later = {name: f"{said[a][0].lower()}{said[a][1:]}" for a, name in _LATER.items()}
    return {"steered": said[Ability.STEER], **later}


def _as_seen(run: Run) -> str:
    """What the page depends on that is more than figures: the state, what people want of the run, what it asks."""
    return "-".join(filter(None, (run.state, run.want, *(question.id for question in run.questions))))


async def _results(request: web.Request, run: Run) -> dict[str, Any]:
    """The changed files and the check's output, once there are such."""
    files = await request.app[FORGE].runs.changes(who(request), run.id)
    return {"files": files[:MOST_FILES], "output": await _output(request, run) if run.check else []}


async def _output(request: web.Request, run: Run) -> list[str]:
    """The last lines of the check, where test runners say what failed."""
    read, kept, after = request.app[FORGE].history.read, deque[str](maxlen=MOST_OUTPUT), 0
    while events := await read(run.tenant_id, run.id, after, kinds=(Kind.CHECK,)):
        kept.extend(bare(str(event.data.get("text", ""))) for event in events)
        after = events[-1].seq
    return list(kept)


async def page(request: web.Request) -> web.Response:
    forge, about = request.app[FORGE], await _about(request)
    run, panels = about["run"], await forge.offers.panels(about["run"])
    attempts = await forge.runs.list(who(request), task_id=run.task_id)
    context = {**about, **await _results(request, run), **await choices(request)}
    return render(request, "run.html", panels=panels, attempts=attempts, **context)


async def now(request: web.Request) -> web.Response:
    """The run's state and figures; verbs and results too when it does not stand as the page shows it."""
    about, seen = await _about(request), request.query.get("seen", "")
    text = html(request, "_run_now.html", **about)
    if seen != about["as_seen"]:
        context = {**about, **await _results(request, about["run"]), **await choices(request)}
        text += html(request, "_run_moved.html", **context)
    return web.Response(text=text, content_type="text/html")


async def file(request: web.Request) -> web.Response:
    """The lines of one changed file, by its place in the list: a name may hold what no address can."""
    runs, run_id = request.app[FORGE].runs, request.match_info["id"]
    files, number = await runs.changes(who(request), run_id), int(request.match_info["number"])
    if number >= len(files):
        raise NotFound(f"The change has no file {number}.")
    path = files[number].path
    lines = await shown(path, await runs.diff(who(request), run_id, path))
    return render(request, "_file.html", file_name=path, lines=lines, run_id=run_id)


async def stop(request: web.Request) -> web.Response:
    await request.app[FORGE].runs.stop(who(request), request.match_info["id"])
    return await _steered(request)


async def pause(request: web.Request) -> web.Response:
    await request.app[FORGE].runs.pause(who(request), request.match_info["id"])
    return await _steered(request)


async def resume(request: web.Request) -> web.Response:
    await request.app[FORGE].runs.resume(who(request), request.match_info["id"])
    return await _steered(request)


async def prioritise(request: web.Request) -> web.Response:
    try:
        priority = int((await fields(request)).get("priority", "").strip())
    except ValueError:
        priority = MOST_PRIORITY + 1
    if abs(priority) > MOST_PRIORITY:
        raise Invalid(f"A priority is a whole number, from -{MOST_PRIORITY:,} to {MOST_PRIORITY:,}.", field="priority")
    await request.app[FORGE].runs.prioritise(who(request), request.match_info["id"], priority)
    return await _steered(request)


async def _steered(request: web.Request) -> web.Response:
    """What the page shows of a run that was steered, at once and in place."""
    if not by_script(request):
        return go(request, f"/runs/{request.match_info['id']}")
    answer = await now(request)
    answer.headers.update({"HX-Retarget": "#now", "HX-Reswap": "outerMorph"})
    return answer


async def restart(request: web.Request) -> web.Response:
    run = await request.app[FORGE].runs.restart(who(request), request.match_info["id"])
    return go(request, f"/runs/{run.id}")


async def retry(request: web.Request) -> web.Response:
    given, before = await fields(request), request.match_info["id"]
    chosen = {name: given.get(name, "") for name in ("agent", "model")}
    run = await request.app[FORGE].runs.retry(who(request), before, work=given.get("from") == "work", **chosen)
    return go(request, f"/runs/{run.id}")


async def message(request: web.Request) -> web.Response:
    """Words to a run: one at work is told, one that has ended goes on in a new run, which is shown."""
    before, text = request.match_info["id"], (await fields(request)).get("text", "").strip()
    run = await request.app[FORGE].runs.message(who(request), before, text)
    return done(request, f"/runs/{run.id}") if run.id == before else go(request, f"/runs/{run.id}")


async def answer(request: web.Request) -> web.Response:
    """A person's answer to what the run's agent asks."""
    given = await fields(request)
    question, chosen = given.get("question", ""), given.get("answer", "")
    await request.app[FORGE].runs.answer(who(request), request.match_info["id"], question, chosen)
    return await _steered(request)


async def review(request: web.Request) -> web.Response:
    given, before = await fields(request), request.match_info["id"]
    run = await request.app[FORGE].reviews.give(
        who(request),
        before,
        given.get("verdict", ""),
        comment=given.get("comment", "").strip(),
        strategy=given.get("strategy", "merge"),
    )
    return go(request, f"/runs/{run.id}")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/runs/{id}", page),
        web.get("/runs/{id}/now", now),
        web.get(r"/runs/{id}/files/{number:\d{1,6}}", file),
        web.post("/runs/{id}/stop", stop),
        web.post("/runs/{id}/pause", pause),
        web.post("/runs/{id}/resume", resume),
        web.post("/runs/{id}/priority", prioritise),
        web.post("/runs/{id}/restart", restart),
        web.post("/runs/{id}/retry", retry),
        web.post("/runs/{id}/messages", message),
        web.post("/runs/{id}/answers", answer),
        web.post("/runs/{id}/review", review),
    ]
