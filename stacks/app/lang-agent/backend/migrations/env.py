"""Runs migrations with the service's own settings. Replicas start together: one migrates, the others wait for it."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from app import log
from app.database import Base
from app.settings import settings

# Any number that nothing else in this database uses for pg_advisory_lock.
LOCK = 2_002_001


def run(connection: Connection) -> None:
    """Runs the migrations asked for, all in one transaction."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


async def online() -> None:
    """Connects once and migrates."""
    engine = create_async_engine(settings().database_url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


log.configure(settings().log_level)
if context.is_offline_mode():
    raise SystemExit("migrations are made on a database, not written as SQL: leave out --sql")
asyncio.run(online())
