"""Redis: the event buffer that browsers read as server-sent events."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from redis.asyncio import Redis

from app.metrics import REDIS_OPERATIONS
from app.settings import settings

# How many events of a session are kept for a browser that reconnects.
BUFFER = 1000
# Seconds that one read waits before it looks whether the client is still there.
WAIT = 5

redis: Redis = Redis.from_url(settings().redis_url, decode_responses=True, socket_connect_timeout=2, socket_timeout=WAIT + 2)


def _stream(session_id: UUID) -> str:
    return f"sse:{session_id}"


async def ping() -> None:
    """Asks for an answer; raises what the client raises."""
    REDIS_OPERATIONS.labels("ping").inc()
    await redis.ping()


async def publish(session_id: UUID, event: dict) -> None:
    """Appends an event to the buffer of a session."""
    REDIS_OPERATIONS.labels("publish").inc()
    await redis.xadd(_stream(session_id), {"event": json.dumps(event)}, maxlen=BUFFER, approximate=True)


async def events(session_id: UUID, last_id: str) -> AsyncIterator[tuple[str, str] | None]:
    """Yields `(id, event)` for each event after `last_id`, and `None` whenever nothing came for a while."""
    while True:
        REDIS_OPERATIONS.labels("read").inc()
        answer = await redis.xread({_stream(session_id): last_id}, count=100, block=WAIT * 1000)
        if not answer:
            yield None
            continue
        for last_id, fields in answer[0][1]:
            yield last_id, fields["event"]
