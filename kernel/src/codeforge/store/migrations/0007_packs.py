"""Which of a worker's sendings a pack is, so that an earlier one that comes late replaces nothing."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "pack" ADD COLUMN "nth" INTEGER NOT NULL DEFAULT 0;
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
