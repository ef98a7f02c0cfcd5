"""The files that pages load: names with a hash in them, which browsers may keep for ever."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from aiohttp import web

from codeforge import NotFound
from codeforge.http import public

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".map": "application/json",
    ".txt": "text/plain",
}


@cache
def _manifest() -> dict[str, str]:
    made: dict[str, str] = json.loads((FOLDER / "manifest.json").read_bytes())
    return made


def asset(name: str) -> str:
    """The address of a built file by its plain name ("app.js")."""
    return f"/static/{_manifest().get(name, name)}"


@public
async def serve(request: web.Request) -> web.FileResponse:
    """One built file; only plain names of the folder, so nothing else can be reached."""
    name = request.match_info.get("name", "icon.svg")
    path = FOLDER / name
    if path.parent != FOLDER or path.suffix not in TYPES or not path.is_file():
        raise NotFound(f"There is no file {name}.")
    kept = "public, max-age=31536000, immutable" if name in _manifest().values() else "public, max-age=3600"
    return web.FileResponse(path, headers={"Content-Type": TYPES[path.suffix], "Cache-Control": kept})


def routes() -> list[web.RouteDef]:
    return [web.get("/static/{name}", serve), web.get("/favicon.ico", serve)]
