"""The schema of CodeForge 0.1.0, frozen: later versions change it by migrations of their own."""

from codeforge.store import migrate

STATEMENTS = """
CREATE TABLE "tenant" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "name" TEXT NOT NULL
);

CREATE TABLE "user" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "name" TEXT NOT NULL,
  "role" TEXT NOT NULL,
  "created_at" REAL NOT NULL
);
CREATE INDEX "user_tenant_id" ON "user" ("tenant_id");

CREATE TABLE "link" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "user_id" VARCHAR(64) NOT NULL,
  "expires_at" REAL NOT NULL
);
CREATE INDEX "link_user_id" ON "link" ("user_id");

CREATE TABLE "session" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "user_id" VARCHAR(64) NOT NULL,
  "created_at" REAL NOT NULL,
  "expires_at" REAL NOT NULL
);
CREATE INDEX "session_user_id" ON "session" ("user_id");

CREATE TABLE "token" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "user_id" VARCHAR(64) NOT NULL,
  "name" TEXT NOT NULL,
  "hash" VARCHAR(64) NOT NULL,
  "scopes" TEXT NOT NULL,
  "created_at" REAL NOT NULL,
  "expires_at" REAL,
  "used_at" REAL,
  "revoked_at" REAL
);
CREATE INDEX "token_tenant_id" ON "token" ("tenant_id");
CREATE INDEX "token_user_id" ON "token" ("user_id");
CREATE UNIQUE INDEX "token_hash" ON "token" ("hash");

CREATE TABLE "project" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "name" TEXT NOT NULL,
  "url" TEXT NOT NULL,
  "scm" TEXT NOT NULL,
  "branch" TEXT NOT NULL,
  "agent" TEXT NOT NULL,
  "model" TEXT NOT NULL,
  "check_command" TEXT NOT NULL,
  "limits" TEXT NOT NULL,
  "created_at" REAL NOT NULL,
  "version" INTEGER NOT NULL
);
CREATE INDEX "project_tenant_id" ON "project" ("tenant_id");
CREATE UNIQUE INDEX "project_tenant_id_name" ON "project" ("tenant_id", "name");

CREATE TABLE "task" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "project_id" VARCHAR(64) NOT NULL,
  "title" TEXT NOT NULL,
  "prompt" TEXT NOT NULL,
  "priority" INTEGER NOT NULL,
  "agent" TEXT,
  "model" TEXT,
  "check_command" TEXT,
  "created_at" REAL NOT NULL
);
CREATE INDEX "task_tenant_id" ON "task" ("tenant_id");
CREATE INDEX "task_project_id" ON "task" ("project_id");

CREATE TABLE "run" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "project_id" VARCHAR(64) NOT NULL,
  "task_id" VARCHAR(64) NOT NULL,
  "number" INTEGER NOT NULL,
  "follows" VARCHAR(64),
  "prompt" TEXT NOT NULL,
  "agent" TEXT NOT NULL,
  "model" TEXT NOT NULL,
  "state" VARCHAR(16) NOT NULL,
  "reason" VARCHAR(32),
  "detail" TEXT NOT NULL,
  "priority" INTEGER NOT NULL,
  "generation" INTEGER NOT NULL,
  "losses" INTEGER NOT NULL,
  "worker" TEXT,
  "lease_until" REAL,
  "not_before" REAL NOT NULL,
  "rung_at" REAL NOT NULL,
  "want" TEXT,
  "base" TEXT,
  "change" TEXT,
  "check_result" TEXT,
  "intent" TEXT,
  "delivered" TEXT,
  "created_at" REAL NOT NULL,
  "started_at" REAL,
  "ended_at" REAL
);
CREATE INDEX "run_tenant_id" ON "run" ("tenant_id");
CREATE INDEX "run_project_id" ON "run" ("project_id");
CREATE INDEX "run_task_id" ON "run" ("task_id");
CREATE INDEX "run_state_priority_id" ON "run" ("state", "priority", "id");
CREATE UNIQUE INDEX "run_task_id_number" ON "run" ("task_id", "number");

CREATE TABLE "event" (
  "offset" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  "tenant_id" VARCHAR(64) NOT NULL,
  "run_id" VARCHAR(64) NOT NULL,
  "seq" INTEGER NOT NULL,
  "time" REAL NOT NULL,
  "kind" VARCHAR(16) NOT NULL,
  "data" TEXT NOT NULL
);
CREATE UNIQUE INDEX "event_run_id_seq" ON "event" ("run_id", "seq");
CREATE INDEX "event_tenant_id_offset" ON "event" ("tenant_id", "offset");

CREATE TABLE "message" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "run_id" VARCHAR(64) NOT NULL,
  "text" TEXT NOT NULL,
  "created_at" REAL NOT NULL
);
CREATE INDEX "message_tenant_id" ON "message" ("tenant_id");
CREATE INDEX "message_run_id" ON "message" ("run_id");

CREATE TABLE "artifact" (
  "run_id" VARCHAR(64) NOT NULL,
  "name" VARCHAR(64) NOT NULL,
  "tenant_id" VARCHAR(64) NOT NULL,
  "data" BLOB NOT NULL,
  PRIMARY KEY ("run_id", "name")
);
CREATE INDEX "artifact_tenant_id" ON "artifact" ("tenant_id");

CREATE TABLE "runkey" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "run_id" VARCHAR(64) NOT NULL,
  "project_id" VARCHAR(64) NOT NULL,
  "model" TEXT NOT NULL,
  "expires_at" REAL NOT NULL,
  "revoked_at" REAL
);
CREATE INDEX "runkey_tenant_id" ON "runkey" ("tenant_id");
CREATE INDEX "runkey_run_id" ON "runkey" ("run_id");
CREATE INDEX "runkey_project_id" ON "runkey" ("project_id");

CREATE TABLE "provider" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "name" TEXT NOT NULL,
  "kind" TEXT NOT NULL,
  "base_url" TEXT NOT NULL,
  "secret" BLOB,
  "settings" TEXT NOT NULL,
  "created_at" REAL NOT NULL
);
CREATE INDEX "provider_tenant_id" ON "provider" ("tenant_id");
CREATE UNIQUE INDEX "provider_tenant_id_name" ON "provider" ("tenant_id", "name");

CREATE TABLE "alias" (
  "tenant_id" VARCHAR(64) NOT NULL,
  "name" VARCHAR(128) NOT NULL,
  "target" TEXT NOT NULL,
  PRIMARY KEY ("tenant_id", "name")
);

CREATE TABLE "call" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "run_id" VARCHAR(64),
  "project_id" VARCHAR(64),
  "provider" TEXT NOT NULL,
  "model" TEXT NOT NULL,
  "status" INTEGER NOT NULL,
  "streamed" INTEGER NOT NULL,
  "replayed" INTEGER NOT NULL,
  "prompt_tokens" INTEGER NOT NULL,
  "completion_tokens" INTEGER NOT NULL,
  "cached_tokens" INTEGER NOT NULL,
  "cost_micro" INTEGER,
  "counted" VARCHAR(16) NOT NULL,
  "milliseconds" INTEGER NOT NULL,
  "error" TEXT NOT NULL,
  "created_at" REAL NOT NULL
);
CREATE INDEX "call_tenant_id" ON "call" ("tenant_id");
CREATE INDEX "call_run_id" ON "call" ("run_id");
CREATE INDEX "call_project_id" ON "call" ("project_id");
CREATE INDEX "call_created_at" ON "call" ("created_at");

CREATE TABLE "once" (
  "tenant_id" VARCHAR(64) NOT NULL,
  "key" VARCHAR(255) NOT NULL,
  "request" VARCHAR(64) NOT NULL,
  "status" INTEGER NOT NULL,
  "answer" TEXT NOT NULL,
  "created_at" REAL NOT NULL,
  PRIMARY KEY ("tenant_id", "key")
);
CREATE INDEX "once_created_at" ON "once" ("created_at");

"""


def up(migrator, db):
    migrate.run(db, STATEMENTS, booleans=("streamed", "replayed"))
