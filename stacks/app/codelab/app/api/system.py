"""Health and metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import __version__, bus, database, metrics
from app.models import Task

router = APIRouter(tags=["system"])
logger = logging.getLogger("codelab.health")

# Seconds that one check may take.
CHECK_TIMEOUT = 2


async def _check(name: str, ping: Callable[[], Awaitable[None]]) -> str:
    try:
        await asyncio.wait_for(ping(), CHECK_TIMEOUT)
    except Exception as error:  # whatever the drivers raise: the answer is "not healthy", with the reason
        reason = str(error).splitlines()[0] if str(error) else f"no answer within {CHECK_TIMEOUT} s"
        logger.error("%s: %s: %s", name, type(error).__name__, reason)
        return f"{type(error).__name__}: {reason}"
    return "ok"


async def _version() -> None:
    if __version__ == "broken":
        raise RuntimeError("this version is broken on purpose")


@router.get("/health")
async def health() -> JSONResponse:
    """200 when the database and Redis answer; else 503, with the reason per part."""
    parts = {"version": _version, "database": database.ping, "redis": bus.ping}
    found = await asyncio.gather(*(_check(name, ping) for name, ping in parts.items()))
    healthy = all(result == "ok" for result in found)
    body = {"status": "healthy" if healthy else "unhealthy", "version": __version__, "checks": dict(zip(parts, found))}
    return JSONResponse(body, status_code=200 if healthy else 503)


@router.get("/metrics", include_in_schema=False)
async def exposition(session: Annotated[AsyncSession, Depends(database.session)]) -> Response:
    """The metrics in Prometheus' text format. A database that is down leaves the last task figures standing."""
    metrics.POOL_AVAILABLE.set(database.pool_available())
    try:
        rows = await session.execute(select(Task.status, func.count()).group_by(Task.status))
        metrics.TASKS.counts = dict(rows.tuples().all())
    except Exception as error:  # metrics must be readable exactly when the database is not
        logger.error("tasks not counted: %s", type(error).__name__)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
