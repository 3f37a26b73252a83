"""The HTTP service: `uvicorn app.main:app`."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import cache, database, log, metrics
from app.api import auth, cards, media, system, webhook
from app.settings import settings
from app.telegram import bot

# Before uvicorn says its first words about this application, so that they have the same form.
log.configure(settings().log_level)
logger = logging.getLogger("langagent")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Registers the webhook while the service already answers, and closes the connections at the end."""
    logger.info("version %s, environment %s", settings().version, settings().environment)
    registration = asyncio.create_task(bot.register())
    yield
    logger.info("stopping: closing connections")
    registration.cancel()
    await cache.redis.aclose()
    await database.engine.dispose()


app = FastAPI(title="lang-agent", version=settings().version, lifespan=lifespan)
for part in (system, auth, cards, media, webhook):
    app.include_router(part.router)


@app.middleware("http")
async def measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Counts and times each request by its route, not by its URL: identifiers would make a series each."""
    started = time.perf_counter()
    status = 500
    try:
        response = await call_next(request)
        status = response.status_code
        return response
    finally:
        route = request.scope.get("route")
        path = route.path if route else "other"
        metrics.HTTP_REQUESTS.labels(request.method, path, status).inc()
        metrics.HTTP_DURATION.labels(request.method, path).observe(time.perf_counter() - started)


@app.exception_handler(SQLAlchemyError)
@app.exception_handler(RedisError)
@app.exception_handler(OSError)
async def unavailable(request: Request, error: Exception) -> JSONResponse:
    """What can't be reached is not the caller's fault: 503, and the reason in the log."""
    logger.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return JSONResponse({"detail": "database, Redis or storage unavailable"}, status_code=503)
