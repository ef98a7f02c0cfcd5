"""Aliases that stand for routes, those of single projects, and which way each call took.

An alias keeps its ``target``, the first model of its route: servers of the version before go on by it.
"""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "alias" ADD COLUMN "route" TEXT;

CREATE TABLE "projectalias" (
  "tenant_id" VARCHAR(64) NOT NULL,
  "project_id" VARCHAR(64) NOT NULL,
  "name" VARCHAR(128) NOT NULL,
  "target" TEXT NOT NULL,
  "route" TEXT,
  PRIMARY KEY ("tenant_id", "project_id", "name")
);
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
