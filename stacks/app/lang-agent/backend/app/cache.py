"""Redis: translations, the bot's conversations, and who was here lately."""

import json
import time

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.metrics import CACHE
from app.settings import settings

redis: Redis = Redis.from_url(
    settings().redis_url,
    decode_responses=True,
    socket_connect_timeout=2,
    socket_timeout=2,
    # One more try, for a connection that a restarted Redis has left dead; by default there are ten seconds of them.
    retry=Retry(NoBackoff(), 1),
)

# Seconds that each is kept.
TRANSLATIONS = 24 * 3600
ACTIVE = 15 * 60


async def translation(word: str) -> str | None:
    """The translation of a word, when it is kept."""
    found = await redis.get(f"translation:{word}")
    CACHE.labels("miss" if found is None else "hit").inc()
    return found


async def keep_translation(word: str, text: str) -> None:
    """Keeps a translation for a day."""
    await redis.set(f"translation:{word}", text, ex=TRANSLATIONS)


async def conversation(chat: int) -> dict | None:
    """Where the bot is in a conversation."""
    found = await redis.get(f"conversation:{chat}")
    return json.loads(found) if found else None


async def set_conversation(chat: int, state: dict | None) -> None:
    """Notes where the bot is, or ends the conversation."""
    if state is None:
        await redis.delete(f"conversation:{chat}")
    else:
        # Without an end, as bots keep their state: a policy that evicts keys with one spares it.
        await redis.set(f"conversation:{chat}", json.dumps(state))


async def seen(user: str) -> None:
    """Notes that a user did something."""
    await redis.zadd("active", {user: time.time()})


async def active() -> int:
    """How many users did something lately."""
    await redis.zremrangebyscore("active", 0, time.time() - ACTIVE)
    return await redis.zcard("active")
