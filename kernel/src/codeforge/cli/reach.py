"""Finds the server that a command talks to: the one that was named, this data folder's, else one started here."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codeforge.cli import presence
from codeforge.cli.api import Api, Lost
from codeforge.errors import Invalid, Unauthorized, Unavailable

if TYPE_CHECKING:
    from codeforge.cli.local import LocalHouse
    from codeforge.settings import Settings

PATIENCE = 10.0
"""Seconds to wait while another command holds the data folder without serving others."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The API, and the house behind it when this very process brought it up."""

    api: Api
    house: LocalHouse | None = None


@contextmanager
def reached(settings: Settings, token_file: Path | None = None, *, working: bool = False) -> Iterator[Reached]:
    """A server that answers. One that is started here, on a free port, ends with the block; it has a worker and
    lets other commands in when ``working``.
    """
    if settings.server_url:
        yield Reached(Api(_checked(settings.server_url), _named_token(settings, token_file)))
        return
    from codeforge.boot import Taken
    from codeforge.cli.local import LocalHouse

    deadline = time.monotonic() + PATIENCE
    with ExitStack() as stack:
        while True:
            if api := running(settings, token_file):
                yield Reached(api)
                return
            try:
                own = LocalHouse(settings.model_copy(update={"port": 0}), working=working, open_to_others=working)
                house = stack.enter_context(own)
                break
            except Taken:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield Reached(Api(house.forge.url, house.token), house)


def found_again(server: Reached, settings: Settings, token_file: Path | None = None) -> Api:
    """The server, found anew when it is not the one that was named or started here. Raises `Lost`."""
    if server.house or settings.server_url:
        return server.api
    if api := running(settings, token_file):
        return api
    raise Lost(f"The server on {settings.data_dir} ended: start it again with `codeforge up`; the run goes on.")


def running(settings: Settings, token_file: Path | None = None) -> Api | None:
    """The server that runs on this data folder and answers, if any."""
    if not (present := presence.found(settings.data_dir)):
        return None
    secret = given_token(settings, token_file) or presence.token(settings.data_dir)
    api = Api(present.url, secret or "")
    try:
        api.get("/health")
    except Unavailable:  # it is gone, or another program is where it was
        return None
    return api


def given_token(settings: Settings, token_file: Path | None) -> str | None:
    """The token that was named by a flag or a setting, if any."""
    if token_file is None:
        place, secret = "The setting token", settings.token.get_secret_value().strip() if settings.token else None
    else:
        place = f"The token file {token_file}"
        try:
            secret = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{place} cannot be read ({error}): name one that holds a token.") from error
    if secret and not re.fullmatch("[!-~]+", secret):  # never shown, not even in an error of the HTTP library
        raise Invalid(f"{place} holds more than a token: it is one word, such as cftok_...")
    return secret


def _named_token(settings: Settings, token_file: Path | None) -> str:
    if secret := given_token(settings, token_file):
        return secret
    raise Unauthorized(
        f"{settings.server_url} wants a token: make one there with `codeforge tokens new NAME`, "
        "then set CODEFORGE_TOKEN or give --token-file."
    )


def _checked(url: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and parts.port != 0:
            return url
    raise Invalid(f"{url.rpartition('@')[2]} is no address of a server: give http(s)://host[:port].")
