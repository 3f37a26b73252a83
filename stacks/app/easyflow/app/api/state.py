"""The connections of the HTTP service."""

from redis.asyncio import Redis

from app.core.database import pooled
from app.core.settings import settings

database = pooled()
cache: Redis = Redis.from_url(settings().redis_url, socket_connect_timeout=2, socket_timeout=2)
