"""Who asked for a run, so that costs can be added up by person. Empty for runs of before."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "run" ADD COLUMN "made_by" TEXT NOT NULL DEFAULT '';
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
