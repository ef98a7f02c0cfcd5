"""What many servers and workers need: who works, what waits for what, when, and the commits that workers sent."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "tenant" ADD COLUMN "limits" TEXT NOT NULL DEFAULT '{}';

ALTER TABLE "project" ADD COLUMN "labels" TEXT NOT NULL DEFAULT '[]';
ALTER TABLE "project" ADD COLUMN "max_runs" INTEGER;
ALTER TABLE "project" ADD COLUMN "hours" TEXT;
ALTER TABLE "project" ADD COLUMN "disk_mb" INTEGER;
ALTER TABLE "project" ADD COLUMN "served_at" REAL NOT NULL DEFAULT 0;

ALTER TABLE "task" ADD COLUMN "schedule_id" VARCHAR(64);
ALTER TABLE "task" ADD COLUMN "not_before" REAL NOT NULL DEFAULT 0;
CREATE INDEX "task_schedule_id" ON "task" ("schedule_id");

ALTER TABLE "run" ADD COLUMN "provider" TEXT NOT NULL DEFAULT '';
ALTER TABLE "run" ADD COLUMN "blocked" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "run" ADD COLUMN "retries" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "run" ADD COLUMN "reported" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "run" ADD COLUMN "state_at" REAL NOT NULL DEFAULT 0;
ALTER TABLE "run" ADD COLUMN "replaces" VARCHAR(64);
ALTER TABLE "run" ADD COLUMN "kept" TEXT;
ALTER TABLE "run" ADD COLUMN "worked" REAL NOT NULL DEFAULT 0;

CREATE TABLE "dependency" (
  "task_id" VARCHAR(64) NOT NULL,
  "needs_id" VARCHAR(64) NOT NULL,
  "tenant_id" VARCHAR(64) NOT NULL,
  PRIMARY KEY ("task_id", "needs_id")
);
CREATE INDEX "dependency_needs_id" ON "dependency" ("needs_id");

CREATE TABLE "schedule" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "project_id" VARCHAR(64) NOT NULL,
  "name" TEXT NOT NULL,
  "cron" TEXT NOT NULL,
  "zone" TEXT NOT NULL,
  "prompt" TEXT NOT NULL,
  "priority" INTEGER NOT NULL,
  "agent" TEXT,
  "model" TEXT,
  "enabled" INTEGER NOT NULL,
  "next_at" REAL NOT NULL,
  "last_at" REAL,
  "outcome" TEXT NOT NULL DEFAULT '',
  "made_by" TEXT NOT NULL,
  "created_at" REAL NOT NULL
);
CREATE INDEX "schedule_tenant_id" ON "schedule" ("tenant_id");
CREATE INDEX "schedule_next_at" ON "schedule" ("next_at");
CREATE UNIQUE INDEX "schedule_project_id_name" ON "schedule" ("project_id", "name");

CREATE TABLE "worker" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "name" VARCHAR(64) NOT NULL,
  "token_hash" VARCHAR(64),
  "labels" TEXT NOT NULL,
  "host" TEXT NOT NULL,
  "version" TEXT NOT NULL,
  "agents" TEXT NOT NULL,
  "slots" INTEGER NOT NULL,
  "draining" INTEGER NOT NULL,
  "load" REAL NOT NULL,
  "disk" TEXT NOT NULL,
  "created_at" REAL NOT NULL,
  "seen_at" REAL,
  "revoked_at" REAL
);
CREATE INDEX "worker_tenant_id" ON "worker" ("tenant_id");
CREATE UNIQUE INDEX "worker_token_hash" ON "worker" ("token_hash");

CREATE TABLE "lock" (
  "name" VARCHAR(64) NOT NULL PRIMARY KEY,
  "holder" VARCHAR(64) NOT NULL,
  "until" REAL NOT NULL,
  "data" TEXT
);

CREATE TABLE "pack" (
  "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  "tenant_id" VARCHAR(64) NOT NULL,
  "project_id" VARCHAR(64) NOT NULL,
  "run_id" VARCHAR(64) NOT NULL,
  "ref" TEXT NOT NULL,
  "head" VARCHAR(64) NOT NULL,
  "part" INTEGER NOT NULL,
  "data" BLOB NOT NULL,
  "created_at" REAL NOT NULL
);
CREATE UNIQUE INDEX "pack_run_id_ref_part" ON "pack" ("run_id", "ref", "part");
CREATE INDEX "pack_project_id" ON "pack" ("project_id");

CREATE INDEX "run_ready" ON "run" (
  "state", "blocked", "project_id", "agent", "provider", "priority" DESC, "id", "not_before"
);
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS, booleans=("enabled", "draining"))
