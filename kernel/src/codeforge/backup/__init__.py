"""Backup and restore: everything that an installation keeps, in one file, taken while it runs."""

from codeforge.backup.making import Made, make
from codeforge.backup.parts import PARTS
from codeforge.backup.restoring import Restored, restore
from codeforge.backup.watch import Watch

__all__ = ["PARTS", "Made", "Restored", "Watch", "make", "restore"]
