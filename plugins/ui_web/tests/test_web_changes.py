"""Diffs as lines with colours."""

from __future__ import annotations

import re

import pytest

from codeforge_ui_web.changes import LONGEST_LINE, MOST_LINES, shown

HEAD = "diff --git a/x b/x\n--- a/x\n+++ b/x\n"


def text_of(code):
    return re.sub(r"<[^>]+>", "", str(code))


async def test_lines_carry_numbers_signs_and_colours():
    diff = HEAD + "@@ -1,2 +1,2 @@ def f():\n def f():\n-    return 1\n+    return 2\n"
    hunk, same, gone, new = (await shown("x.py", diff)).lines
    assert text_of(hunk.code) == "Line 1 · def f():"
    assert (same.old, same.new, gone.old, gone.new, new.old, new.new) == (1, 1, 2, None, None, 2)
    assert '<span class="k">return</span>' in new.code


async def test_markup_in_code_stays_text():
    for name in ("x.py", "x.html", "x.unknown"):
        [_, line] = (await shown(name, HEAD + "@@ -0,0 +1 @@\n+<script>alert('x')</script>\n")).lines
        assert "<script" not in line.code
        assert "&lt;" in line.code


async def test_characters_that_turn_text_around_are_named():
    [_, line] = (await shown("x.py", HEAD + "@@ -0,0 +1 @@\n+if admin: \u202e pass <b>\n")).lines
    assert '<span class="odd">U+202E</span>' in line.code
    assert "&lt;b&gt;" in line.code


async def test_carriage_returns_and_form_feeds_do_not_shift_lines():
    diff = HEAD + "@@ -1,2 +1,3 @@\n a = 1\r\n+b = 2\rc = 3\r\n d\x0c= 4\r\n"
    lines = (await shown("x.py", diff)).lines[1:]
    assert [line.kind for line in lines] == ["same", "add", "same"]
    assert "U+000D" in lines[1].code


async def test_a_removed_quote_does_not_colour_what_follows():
    diff = HEAD + '@@ -1,3 +1,2 @@\n-x = """open\n y = 1\n z = 2\n'
    assert '<span class="mi">1</span>' in (await shown("x.py", diff)).lines[2].code


async def test_a_binary_file_and_a_changed_mode_are_said():
    assert "binary" in (await shown("x.png", "diff --git a/x b/x\nBinary files a/x and b/x differ\n")).note
    assert "mode" in (await shown("x.sh", "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n")).note


async def test_a_huge_diff_is_cut_and_says_so():
    count = MOST_LINES * 2
    diff = HEAD + f"@@ -0,0 +1,{count} @@\n" + "".join(f"+line {n}\n" for n in range(count))
    found = await shown("x.txt", diff)
    assert found.more
    assert 0 < len(found.lines) <= MOST_LINES
    assert text_of(found.lines[1].code) == "line 0"


async def test_one_endless_line_is_cut():
    found = await shown("x.js", HEAD + "@@ -0,0 +1 @@\n+" + "x" * 1_000_000 + "\n")
    assert found.more
    assert text_of(found.lines[1].code) == "x" * LONGEST_LINE + " 998,000 more characters"


async def test_a_diff_that_makes_no_sense_is_shown_as_it_is():
    found = await shown("x.py", HEAD + "@@ -1,5 +1,5 @@\n one\n<two>\n")
    assert "&lt;two&gt;" in "".join(str(line.code) for line in found.lines)


async def test_a_missing_line_end_is_said():
    diff = HEAD + "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"
    assert [line.kind for line in (await shown("x.py", diff)).lines] == ["hunk", "del", "same", "add"]


async def test_what_a_long_line_hides_is_told():
    [_, line, _] = (await shown("x.py", HEAD + f"@@ -0,0 +1,2 @@\n+ok(){' ' * LONGEST_LINE}evil()\n+b\n")).lines
    assert text_of(line.code).endswith(" 10 more characters")
    assert (await shown("x.py", HEAD + f"@@ -0,0 +1 @@\n+{'a' * 600_000}\n")).more


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("new file mode 120000", "It is a symbolic link."),
        ("new file mode 100755", "It is executable."),
        ("old mode 100644\nnew mode 100755", "It is executable and was an ordinary file."),
    ],
)
async def test_modes_out_of_the_ordinary_are_told(head, said):
    git = f"diff --git a/x b/x\n{head}\n"
    assert (await shown("x", git + "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n")).lines[0].code == said
    assert said in (await shown("x", git)).note
    plain = "diff --git a/x b/x\nnew file mode 100644\n"
    assert (await shown("x", plain)).note == "An empty file."
