"""The three tables, and sessions on them for the HTTP service and for tasks."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import DateTime, Identity, Text, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool

from app.core.settings import settings

# Seconds; below the period of a readiness probe, so that a dead database shows up in the next one.
CONNECT_TIMEOUT = 2
# Any number that nothing else in this database uses for pg_advisory_xact_lock.
LOCK = 4_004_001


def now() -> datetime:
    """The present moment with its time zone."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of every table."""

    type_annotation_map = {datetime: DateTime(timezone=True), str: Text}


class Message(Base):
    """A message that came in, and what a worker made of it."""

    __tablename__ = "messages"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    channel: Mapped[str]
    author: Mapped[str]
    body: Mapped[str]
    provider: Mapped[str]
    reply: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(default=now, index=True)
    processed_at: Mapped[datetime | None]


class AiCalls(Base):
    """How often an AI provider was asked."""

    __tablename__ = "ai_calls"
    provider: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[int]


class BeatRun(Base):
    """One run of the periodic task: which beat process sent it, and when."""

    __tablename__ = "beat_runs"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    beat: Mapped[str]
    sent_at: Mapped[datetime]
    done_at: Mapped[datetime] = mapped_column(default=now)


class Database:
    """An engine that makes its tables before it is first used. The database may come up later than this process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._ready = False

    async def prepare(self) -> None:
        """Makes the tables that are missing; one process at a time, since all replicas start together."""
        if self._ready:
            return
        async with self.engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            await connection.run_sync(Base.metadata.create_all)
        self._ready = True

    async def ping(self) -> None:
        """Runs one statement; raises what the driver raises."""
        await self.prepare()
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session; rolls back what was not committed."""
        await self.prepare()
        async with AsyncSession(self.engine, expire_on_commit=False) as opened:
            yield opened


def pooled() -> Database:
    """For the HTTP service, which has one event loop."""
    engine = create_async_engine(
        settings().database_url,
        pool_size=5,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
        # A restarted database leaves dead connections in the pool; the ping replaces them.
        pool_pre_ping=True,
        connect_args={"timeout": CONNECT_TIMEOUT},
    )
    return Database(engine)


def for_tasks() -> Database:
    """For workers: each task has an event loop of its own, and no connection outlives its loop."""
    connect = {"timeout": CONNECT_TIMEOUT}
    return Database(create_async_engine(settings().database_url, poolclass=NullPool, connect_args=connect))
