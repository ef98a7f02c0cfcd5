"""What workers say of each of their agents: whether it is ready, its version and size, and what it can do."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "worker" ADD COLUMN "described" TEXT;
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
