"""Health and metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError

from app import cache, database, metrics
from app.settings import settings
from app.telegram import bot

router = APIRouter(tags=["system"])
logger = logging.getLogger("langagent.health")

# Seconds that one check may take.
CHECK_TIMEOUT = 2


async def _check(name: str, ping: Callable[[], Awaitable[object]]) -> str:
    try:
        await asyncio.wait_for(ping(), CHECK_TIMEOUT)
    except Exception as error:  # whatever the drivers raise: the answer is "not healthy", with the reason
        logger.error("%s: %s", name, type(error).__name__)
        return type(error).__name__
    return "ok"


async def _version() -> None:
    if settings().version == "broken":
        raise RuntimeError("this version is broken on purpose")


@router.get("/health")
async def health() -> JSONResponse:
    """200 when PostgreSQL and Redis answer; else 503. Telegram is looked at, and is nobody's reason to restart this."""
    parts = {"version": _version, "database": database.ping, "redis": cache.redis.ping}
    outside = {"telegram": bot.ping} if settings().telegram.on else {}
    everything = {**parts, **outside}
    found = await asyncio.gather(*(_check(name, ping) for name, ping in everything.items()))
    checks = dict(zip(everything, found))
    healthy = all(checks[name] == "ok" for name in parts)
    body = {"status": "healthy" if healthy else "unhealthy", "version": settings().version, "checks": checks}
    return JSONResponse(body, status_code=200 if healthy else 503)


@router.get("/metrics", include_in_schema=False)
async def exposition() -> Response:
    """The metrics in Prometheus' text format. A Redis that is down leaves the last number of users standing."""
    try:
        metrics.ACTIVE_USERS.set(await cache.active())
    except (RedisError, OSError) as error:  # metrics must be readable exactly when Redis is not
        logger.error("users not counted: %s", type(error).__name__)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
