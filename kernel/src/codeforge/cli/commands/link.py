"""``codeforge link``: a new sign-in link, for whoever may read the data folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeforge.cli import options, presence
from codeforge.errors import Unavailable

if TYPE_CHECKING:
    from codeforge.settings import Settings


@click.command()
@options.data_dir
def command(data_dir: Path | None) -> None:
    """Print a new sign-in link for the server that runs on this data folder. It is good once, for 15 minutes."""
    from codeforge.cli.configuration import settled

    settings = settled(data_dir=data_dir)
    if not (there := presence.found(settings.data_dir)):
        raise Unavailable(f"No server runs on {settings.data_dir}: start one with `codeforge up`.")
    click.echo(settings.link(there.url, asyncio.run(_secret(settings))))


async def _secret(settings: Settings) -> str:
    """Made in the database itself: whoever may write there is the server's owner."""
    from codeforge.forge import Forge, Offers
    from codeforge.store import Store

    store = await Store.open(settings.data_dir, settings.database_url)
    try:
        return await Forge(settings, store, Offers()).accounts.link()
    finally:
        await store.close()
