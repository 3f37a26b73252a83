"""The connections of the HTTP service."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.core.database import pooled
from app.core.settings import settings

database = pooled()
# One more try, for a connection that a restarted Redis has left dead; by default there are ten seconds of them.
cache: Redis = Redis.from_url(settings().redis_url, socket_connect_timeout=2, socket_timeout=2, retry=Retry(NoBackoff(), 1))
