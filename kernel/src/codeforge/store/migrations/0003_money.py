"""What money needs: calls that are reserved before they are made, versions of prices, budgets, runs that wait."""

from codeforge.store import migrate

STATEMENTS = """
ALTER TABLE "call" ADD COLUMN "written_tokens" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "call" ADD COLUMN "reasoning_tokens" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "call" ADD COLUMN "protocol" TEXT NOT NULL DEFAULT 'chat';
ALTER TABLE "call" ADD COLUMN "route" TEXT NOT NULL DEFAULT '';
ALTER TABLE "call" ADD COLUMN "state" VARCHAR(16) NOT NULL DEFAULT 'settled';
ALTER TABLE "call" ADD COLUMN "held_micro" INTEGER;
ALTER TABLE "call" ADD COLUMN "held_until" REAL;
ALTER TABLE "call" ADD COLUMN "price_id" VARCHAR(64);
CREATE INDEX "call_state" ON "call" ("state", "tenant_id");
CREATE INDEX "call_tenant_id_created_at" ON "call" ("tenant_id", "created_at");

ALTER TABLE "run" ADD COLUMN "waiting_for" TEXT;
ALTER TABLE "run" ADD COLUMN "claimed" TEXT;

CREATE TABLE "price" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "provider" TEXT NOT NULL,
  "model" TEXT NOT NULL,
  "steps" TEXT NOT NULL,
  "source" VARCHAR(16) NOT NULL,
  "made_by" TEXT NOT NULL DEFAULT '',
  "created_at" REAL NOT NULL,
  "ended_at" REAL
);
CREATE INDEX "price_tenant_id_provider_model" ON "price" ("tenant_id", "provider", "model");

CREATE TABLE "budget" (
  "id" VARCHAR(64) NOT NULL PRIMARY KEY,
  "tenant_id" VARCHAR(64) NOT NULL,
  "scope" VARCHAR(16) NOT NULL,
  "scope_id" VARCHAR(64) NOT NULL,
  "period" VARCHAR(16) NOT NULL,
  "limit_micro" INTEGER NOT NULL,
  "made_by" TEXT NOT NULL DEFAULT '',
  "spent_micro" INTEGER NOT NULL DEFAULT 0,
  "spent_since" REAL NOT NULL DEFAULT -1,
  "told" INTEGER NOT NULL DEFAULT 0,
  "told_since" REAL NOT NULL DEFAULT 0,
  "created_at" REAL NOT NULL
);
CREATE UNIQUE INDEX "budget_tenant_id_scope_scope_id_period" ON "budget" ("tenant_id", "scope", "scope_id", "period");
"""


def up(migrator, db):
    migrate.run(db, STATEMENTS)
