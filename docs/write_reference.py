"""Renews the reference sections of the documents in this folder from the code: ``python docs/write_reference.py``.

A section stands between ``<!-- reference: NAME -->`` and ``<!-- end of reference -->`` and is never edited by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reference import SECTIONS, renewed

HERE = Path(__file__).parent


def main() -> None:
    """Write every document anew whose sections are behind the code."""
    for path in sorted(HERE.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = renewed(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
        sys.stdout.write(f"{path.name}: {'renewed' if after != before else 'up to date'}\n")
    sys.stdout.write(f"{len(SECTIONS)} sections\n")


if __name__ == "__main__":
    main()
