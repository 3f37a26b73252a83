"""The connection pool of the process and a session per request."""

import time
from collections.abc import AsyncIterator

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.metrics import DB_DURATION
from app.settings import settings

POOL_SIZE = 5
# Seconds; below the period of the readiness probe, so that a dead database shows up in the next one.
CONNECT_TIMEOUT = 2

engine: AsyncEngine = create_async_engine(
    settings().database_url,
    pool_size=POOL_SIZE,
    max_overflow=0,
    pool_timeout=CONNECT_TIMEOUT,
    # A restarted database leaves dead connections in the pool; the ping replaces them.
    pool_pre_ping=True,
    connect_args={"timeout": CONNECT_TIMEOUT},
)
_sessions = async_sessionmaker(engine, expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    """A database session for one request; rolls back what was not committed."""
    async with _sessions() as opened:
        yield opened


async def ping() -> None:
    """Runs one statement; raises what the driver raises."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


def pool_available() -> int:
    """How many connections a request could take at this moment."""
    return POOL_SIZE - engine.pool.checkedout()


@event.listens_for(engine.sync_engine, "before_cursor_execute")
def _started(connection: Connection, *_: object) -> None:
    connection.info["started"] = time.perf_counter()


@event.listens_for(engine.sync_engine, "after_cursor_execute")
def _ended(connection: Connection, *_: object) -> None:
    DB_DURATION.observe(time.perf_counter() - connection.info.pop("started"))
