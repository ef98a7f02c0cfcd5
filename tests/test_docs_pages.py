"""The documents hold together: links lead somewhere, commands can be typed, and nothing comes from outside."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from reference.commands import walk  # noqa: E402
from reference.pages import anchors, blocks, commands, links  # noqa: E402

MANUAL = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = [ROOT / "kernel", *sorted(p.parent for p in (ROOT / "plugins").glob("*/pyproject.toml"))]
PAGES = [*MANUAL, ROOT / "CHANGELOG.md", *(p / name for p in PACKAGES for name in ("README.md", "CHANGELOG.md"))]
BUILDS = ("dev", "hatch_build.py", "package.json", "package-lock.json", ".npmrc", "Dockerfile")
EXAMPLES = ("127.0.0.1", "localhost")


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_document_is_there_and_its_relative_links_lead_somewhere(page):
    text = page.read_text()
    for link in links(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{name(page)}: {link} leads nowhere"
        if anchor:
            assert anchor in anchors(target.read_text()), f"{name(page)}: there is no heading {link}"


@pytest.mark.parametrize("page", MANUAL, ids=name)
def test_a_manual_page_needs_nothing_from_outside(page):
    for link in links(page.read_text()):
        host = urlsplit(link).hostname
        assert host is None or host in EXAMPLES or host.endswith(".example"), f"{name(page)}: {link}"


@pytest.mark.parametrize("page", MANUAL, ids=name)
def test_every_command_line_in_a_manual_page_can_be_typed(page):
    known = {context.command_path.split(" ", 1)[1]: context.command for context in walk()}
    for words in commands(page.read_text()):
        line = " ".join(["codeforge", *words])
        called = next((c for n in (2, 1) if (c := " ".join(words[:n])) in known), None)
        assert called, f"{name(page)}: there is no command `{line}`"
        try:
            known[called].make_context(called, words[len(called.split()) :])
        except click.UsageError as error:
            pytest.fail(f"{name(page)}: `{line}`: {error.message}")


def test_every_dev_command_in_the_manual_is_one():
    told = subprocess.run([ROOT / "dev"], capture_output=True, text=True, check=True).stdout
    for page in MANUAL:
        for block in blocks(page.read_text()):
            for line in block.text.splitlines() if block.language == "sh" else ():
                if line.startswith("./dev "):
                    assert f"./dev {line.split()[1]}" in told, f"{name(page)}: {line}"


def test_no_address_outside_is_needed_to_build_or_start():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for path in map(Path, tracked):
        if path.name in BUILDS or path.suffix in (".lock", ".toml", ".mjs"):
            text = (ROOT / path).read_text()
            outside = [
                host for host in re.findall(r"https?://([^/\s\"']+)", text) if host.split(":")[0] not in EXAMPLES
            ]
            assert outside == [], f"{path} names {outside}"


def test_the_tests_that_the_architecture_names_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for row in (line for line in text.splitlines() if "::" in line):
        for place in (part for part in row.split("`") if "::" in part):
            file, test = place.split("::")
            assert (ROOT / file).exists(), place
            assert f"def {test}(" in (ROOT / file).read_text(), place


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 200_000, picture.name


def test_a_page_lists_its_sections():
    for page in (ROOT / "docs" / "guide.md", ROOT / "docs" / "plugins.md"):
        text = page.read_text()
        heads = [line[3:] for line in text.splitlines() if line.startswith("## ")]
        listed = [line.split("[")[1].split("]")[0] for line in text.splitlines() if line.startswith("- [")]
        assert listed == heads, page.name
