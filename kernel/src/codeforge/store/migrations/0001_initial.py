"""The schema of CodeForge 0.1.0."""

from codeforge.store.tables import TABLES


def up(migrator, db):
    for table in TABLES:
        table._schema.database = db
    db.create_tables(TABLES)
