"""``codeforge backup``: everything in one file, while servers and workers go on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from codeforge.cli import options
from codeforge.cli.showing import Output
from codeforge.cli.words import clean, count, say


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@options.parts
@options.as_json
@options.data_dir
def command(
    file: Path | None, only: tuple[str, ...], without: tuple[str, ...], as_json: bool, data_dir: Path | None
) -> None:
    """Write a backup to FILE: database, mirrors with all that agents left, cassettes, and the key file.

    Servers and workers may go on meanwhile. A FILE that ends in .gz or .tgz is compressed. Without FILE the name is
    made of the time, in the current folder. Ctrl-C leaves nothing behind.
    """
    from codeforge.backup import Watch, make
    from codeforge.cli.configuration import settled
    from codeforge.cli.progress import worked

    file = file or Path(f"codeforge-{datetime.now():%Y%m%d-%H%M%S}.tgz")  # noqa: DTZ005 (people's own clock)
    settings, path = settled(data_dir=data_dir), file.absolute()
    made = worked(lambda progress: make(settings, path, Watch(progress.tell), only=only, without=without))
    for sentence in made.left_out:
        say(f"Without the mirror of {clean(sentence)}", colour="yellow")
    rows = made.manifest.get("rows", {})
    held = [
        count(rows[table], noun)
        for table, noun in (("project", "project"), ("run", "run"), ("event", "event"))
        if table in rows
    ]
    if "mirrors" in made.manifest:
        held.append(count(made.manifest["mirrors"], "mirror"))
    facts = {"file": str(made.path), "bytes": made.bytes, **{k: v for k, v in made.manifest.items() if k != "files"}}
    Output(as_json=as_json).item(
        facts, f"{file}: {', '.join(held) or ', '.join(made.manifest['parts'])}; {made.bytes:,} bytes."
    )
    if "secret.key" in made.manifest["files"]:
        say(
            "The file holds the key that opens the providers' keys: keep it where only you can read it.",
            colour="yellow",
        )
