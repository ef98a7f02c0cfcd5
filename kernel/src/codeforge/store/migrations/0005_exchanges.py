"""What each model call asked and was answered, and runs that replay others from the commit on which those began."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "run" ADD COLUMN "replays" VARCHAR(64);
ALTER TABLE "run" ADD COLUMN "start_commit" VARCHAR(64);

CREATE TABLE "exchange" (
  "call_id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "run_id" VARCHAR(64) NOT NULL,
  "size" INTEGER NOT NULL,
  "created_at" REAL NOT NULL,
  "data" BLOB NOT NULL
);
CREATE INDEX "exchange_tenant_id" ON "exchange" ("tenant_id");
CREATE INDEX "exchange_run_id" ON "exchange" ("run_id");
CREATE INDEX "exchange_created_at" ON "exchange" ("created_at");
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
