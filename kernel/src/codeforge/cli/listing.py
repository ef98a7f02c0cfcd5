"""A group of commands that lists when it is called bare."""

import click


class Listing(click.Group):
    """``codeforge projects`` is ``codeforge projects list``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["list"])
