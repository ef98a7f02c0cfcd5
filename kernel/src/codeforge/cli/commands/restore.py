"""``codeforge restore``: a backup, or some parts of it, into an empty place or over what is there."""

from __future__ import annotations

from pathlib import Path

import click

from codeforge.cli import options
from codeforge.cli.showing import Output
from codeforge.cli.words import clean, say


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@options.parts
@click.option(
    "--force", is_flag=True, help="Replace what is there: files are moved aside, a PostgreSQL database is emptied."
)
@options.as_json
@options.data_dir
def command(
    file: Path, *, only: tuple[str, ...], without: tuple[str, ...], force: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Restore the backup FILE into the data folder and the database of the settings, which may be of another kind.

    No server may run on them. The file is examined first; when anything is wrong, or after Ctrl-C, everything is as
    it was.
    """
    from codeforge.backup import Watch, restore
    from codeforge.cli.configuration import settled
    from codeforge.cli.progress import worked

    settings, path = settled(data_dir=data_dir), file.absolute()
    done = worked(
        lambda progress: restore(settings, path, Watch(progress.tell), only=only, without=without, force=force)
    )
    for sentence in done.left_out:
        say(f"Without the mirror of {clean(sentence)}", colour="yellow")
    if done.aside:
        say(f"What was there before is in {done.aside}.")
    if "database" in done.parts and "key" not in done.parts:
        say("The key file is not restored: without the right one, set the providers' keys again.", colour="yellow")
    facts = {"parts": list(done.parts), "made_at": done.manifest["made_at"], "aside": str(done.aside or "")}
    sentence = f"Restored {', '.join(done.parts)} of {done.manifest['made_at']} into {settings.data_dir}."
    Output(as_json=as_json).item(facts, sentence)
