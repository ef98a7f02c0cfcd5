"""What confined a run, and the hosts that a project's runs may reach from within a sandbox."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "project" ADD COLUMN "allowed_hosts" TEXT NOT NULL DEFAULT '[]';
ALTER TABLE "run" ADD COLUMN "sandbox" TEXT NOT NULL DEFAULT '';
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
