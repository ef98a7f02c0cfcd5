"""Renews what the documents in this folder have from the code: ``python docs/write_reference.py``.

A reference section stands between ``<!-- reference: NAME -->`` and ``<!-- end of reference -->`` and is never edited by
hand; nor are the pictures that are drawn from the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reference import PICTURES, SECTIONS, renewed

HERE = Path(__file__).parent


def main() -> None:
    """Write every document and picture anew that is behind the code."""
    for path in [*sorted(HERE.glob("*.md")), *(HERE / "images" / name for name in PICTURES)]:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = PICTURES[path.name]() if path.name in PICTURES else renewed(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
        sys.stdout.write(f"{path.name}: {'renewed' if after != before else 'up to date'}\n")
    sys.stdout.write(f"{len(SECTIONS)} sections\n")


if __name__ == "__main__":
    main()
