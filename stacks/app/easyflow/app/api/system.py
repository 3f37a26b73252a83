"""Health, metrics, and the beats that were seen."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import func, select

from app.api.state import cache, database
from app.core.database import BeatRun
from app.core.settings import settings
from app.metrics import WORK

router = APIRouter(tags=["system"])
logger = logging.getLogger("easyflow.health")

# Seconds that one check may take.
CHECK_TIMEOUT = 2


async def _check(name: str, ping: Callable[[], Awaitable[object]]) -> str:
    try:
        await asyncio.wait_for(ping(), CHECK_TIMEOUT)
    except Exception as error:  # whatever the drivers raise: the answer is "not healthy", with the reason
        reason = str(error).splitlines()[0] if str(error) else f"no answer within {CHECK_TIMEOUT} s"
        logger.error("%s: %s: %s", name, type(error).__name__, reason)
        return f"{type(error).__name__}: {reason}"
    return "ok"


async def _version() -> None:
    if settings().version == "broken":
        raise RuntimeError("this version is broken on purpose")


# The guide's image asks `/health/`, its probes and nginx ask `/health`.
@router.get("/health")
@router.get("/health/", include_in_schema=False)
async def health() -> JSONResponse:
    """200 when PostgreSQL and Redis answer; else 503, with the reason per part."""
    parts = {"version": _version, "database": database.ping, "redis": cache.ping}
    found = await asyncio.gather(*(_check(name, ping) for name, ping in parts.items()))
    healthy = all(result == "ok" for result in found)
    status = "healthy" if healthy else "unhealthy"
    body = {"status": status, "version": settings().version, "checks": dict(zip(parts, found))}
    return JSONResponse(body, status_code=200 if healthy else 503)


@router.get("/metrics", include_in_schema=False)
async def exposition() -> Response:
    """The metrics in Prometheus' text format. A database that is down leaves the last figures standing."""
    try:
        await WORK.count(database)
    except Exception as error:  # metrics must be readable exactly when the database is not
        logger.error("work not counted: %s", type(error).__name__)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class Beat(BaseModel):
    """A beat process, by the ticks that it sent."""

    beat: str
    runs: int
    first: datetime
    last: datetime


@router.get("/api/v1/beats")
async def beats() -> list[Beat]:
    """Every beat process that ever sent a tick, oldest first. Two whose times overlap ran at the same time."""
    sent = BeatRun.sent_at
    wanted = select(BeatRun.beat, func.count(), func.min(sent), func.max(sent)).group_by(BeatRun.beat)
    async with database.session() as session:
        rows = await session.execute(wanted.order_by(func.min(sent)))
        return [Beat(beat=beat, runs=runs, first=first, last=last) for beat, runs, first, last in rows.tuples()]
