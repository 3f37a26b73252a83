"""The two tables, and a session per request."""

import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends
from sqlalchemy import Connection, DateTime, ForeignKey, Text, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.metrics import DB_DURATION
from app.settings import settings

# Seconds; below the period of a readiness probe, so that a dead database shows up in the next one.
CONNECT_TIMEOUT = 2


def now() -> datetime:
    """The present moment with its time zone."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of every table."""

    type_annotation_map = {datetime: DateTime(timezone=True), str: Text}


class Card(Base):
    """A word that somebody learns."""

    __tablename__ = "cards"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    owner: Mapped[str] = mapped_column(index=True)
    word: Mapped[str]
    translation: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Exercise(Base):
    """An answer that somebody gave to a card."""

    __tablename__ = "exercises"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    card_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cards.id", ondelete="CASCADE"))
    right: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)


engine = create_async_engine(
    settings().database_url,
    pool_size=5,
    max_overflow=0,
    pool_timeout=CONNECT_TIMEOUT,
    # A restarted database leaves dead connections in the pool; the ping replaces them.
    pool_pre_ping=True,
    connect_args={"timeout": CONNECT_TIMEOUT},
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    """A database session for one request; rolls back what was not committed."""
    async with sessions() as opened:
        yield opened


Database = Annotated[AsyncSession, Depends(session)]


async def ping() -> None:
    """Runs one statement; raises what the driver raises."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


@event.listens_for(engine.sync_engine, "before_cursor_execute")
def _started(connection: Connection, *_: object) -> None:
    connection.info["started"] = time.perf_counter()


@event.listens_for(engine.sync_engine, "after_cursor_execute")
def _ended(connection: Connection, *_: object) -> None:
    DB_DURATION.observe(time.perf_counter() - connection.info.pop("started"))
