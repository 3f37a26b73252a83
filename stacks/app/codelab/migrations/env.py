"""Runs migrations with the service's own settings and models."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from app import log
from app.models import Base
from app.settings import settings


def run(connection: Connection) -> None:
    """Runs the migrations asked for, each in a transaction of its own."""
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def online() -> None:
    """Connects once and migrates."""
    engine = create_async_engine(settings().database_url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


def offline() -> None:
    """Writes the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(url=settings().database_url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


log.configure(settings().log_level)
if context.is_offline_mode():
    offline()
else:
    asyncio.run(online())
