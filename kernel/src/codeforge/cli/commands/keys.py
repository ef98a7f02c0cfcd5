"""``codeforge keys``: the key that stored secrets are locked with."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeforge.cli import options
from codeforge.cli.listing import Listing
from codeforge.cli.showing import Output
from codeforge.cli.words import count

if TYPE_CHECKING:
    from codeforge.forge.key_file import Rotated
    from codeforge.settings import Settings


@click.group(cls=Listing)
def command() -> None:
    """The key that stored secrets are locked with."""


@command.command()
@click.option("--begin", is_flag=True, help="Only put a new key into the file, to give it to other servers first.")
@options.as_json
@options.data_dir
def rotate(*, begin: bool, as_json: bool, data_dir: Path | None) -> None:
    """Lock all stored secrets with a new key, and forget the one before.

    Call it where a server runs: it works on that server's key file and database, and servers may go on meanwhile.
    One that was cut off is finished by the next call. Where servers have copies of the file: --begin, copy the file to
    each, rotate, copy it again.
    """
    from codeforge.cli.configuration import settled

    settings, out = settled(data_dir=data_dir), Output(as_json=as_json)
    if begin:
        done = asyncio.run(_begin(settings))
        said = "was in use already" if done else "is in use"
        facts = {"key_file": str(settings.key_path), "begun": True}
        out.item(facts, f"A new key {said}, the one before is kept beside it: give {settings.key_path} to all servers.")
        return
    found = asyncio.run(_rotate(settings))
    also = " This finished what an earlier call had begun." if found.resumed else ""
    facts = {"key_file": str(settings.key_path), **asdict(found)}
    out.item(facts, f"{count(found.secrets, 'secret')} locked with a new key; the one before is forgotten.{also}")


async def _begin(settings: Settings) -> bool:
    from codeforge.boot import open_forge

    async with open_forge(settings) as (forge, _):
        return await forge.key_file.begin()


async def _rotate(settings: Settings) -> Rotated:
    from codeforge.boot import open_forge

    async with open_forge(settings) as (forge, _):
        return await forge.key_file.rotate()
