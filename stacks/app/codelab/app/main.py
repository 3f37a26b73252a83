"""The HTTP service: `uvicorn app.main:app`."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from app import __version__, bus, database, log, metrics
from app.api import chat, system, users
from app.settings import settings

# Before uvicorn says its first words about this application, so that they have the same form.
log.configure(settings().log_level)
logger = logging.getLogger("codelab")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Says what was started with, and closes the connections at the end."""
    url = settings().database_url
    logger.info("version %s, environment %s, database %s:%s/%s", __version__, settings().app_env, url.host, url.port, url.database)
    metrics.POOL_SIZE.set(database.POOL_SIZE)
    yield
    logger.info("stopping: closing connections")
    await bus.redis.aclose()
    await database.engine.dispose()


app = FastAPI(title="codelab-core-service", version=__version__, lifespan=lifespan)
app.include_router(system.router)
app.include_router(users.router)
app.include_router(chat.router)


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
@app.exception_handler(OSError)
async def unavailable(request: Request, error: Exception) -> JSONResponse:
    """A database that can't be reached is not the caller's fault: 503, and the reason in the log."""
    logger.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return JSONResponse({"detail": "database unavailable"}, status_code=503)
