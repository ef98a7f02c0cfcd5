"""What agents ask for leave to do: who answers for a project, and a run's questions that are open."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "project" ADD COLUMN "permissions" TEXT NOT NULL DEFAULT 'allow';
ALTER TABLE "run" ADD COLUMN "questions" TEXT;
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
