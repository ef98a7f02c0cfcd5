"""The front door: help, unknown words, plugins' commands, and what none of that may import."""

import json
import subprocess
import sys

from codeforge.cli.commands import COMMANDS

HEAVY = ("aiohttp", "peewee", "pydantic", "pydantic_settings", "litellm", "langgraph", "rich", "asyncio", "pluggy")


def modules_after(codeforge, *words: str) -> set[str]:
    script = (
        "import sys, json, atexit\n"
        "atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules))))\n"
        f"from codeforge.cli import main; main({list(words)!r})"
    )
    done = subprocess.run([sys.executable, "-c", script], env=codeforge.env, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_help_imports_no_heavy_library(codeforge):
    assert modules_after(codeforge, "--help").isdisjoint(HEAVY)


def test_a_commands_help_imports_no_heavy_library_either(codeforge):
    assert modules_after(codeforge, "run", "--help").isdisjoint(HEAVY)


def test_help_lists_every_command_with_its_line(codeforge):
    said = codeforge("--help").out
    assert all(name in said and line in said for name, line in COMMANDS.items())


def test_every_command_has_help_of_its_own(codeforge):
    script = (
        "import click; from codeforge.cli import codeforge as group; from codeforge.cli.commands import COMMANDS\n"
        "def walk(c, ctx):\n"
        "    assert c.get_help(ctx) and c.help, ctx.command_path\n"
        "    for n, s in getattr(c, 'commands', {}).items(): walk(s, click.Context(s, ctx, n))\n"
        "for n in COMMANDS: c = group.get_command(None, n); walk(c, click.Context(c, info_name=n))"
    )
    subprocess.run([sys.executable, "-c", script], env=codeforge.env, check=True)


def test_a_misspelt_command_is_a_usage_error_that_names_the_near_one(codeforge):
    assert "did you mean doctor?" in codeforge("docter", code=2).err


def test_a_wrong_option_is_a_usage_error(codeforge):
    assert "--fast" in codeforge("run", "--fast", code=2).err


def test_a_plugins_command_is_called_like_any_other(codeforge):
    assert codeforge("greet").out == "hello from a plugin\n"


def test_the_version_is_told(codeforge):
    assert "0.1.0" in codeforge("--version").out
