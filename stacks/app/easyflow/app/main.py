"""The HTTP service."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError

from app import metrics
from app.api import messages, sessions, system
from app.api.state import cache, database
from app.core.settings import settings
from app.middleware.security import setup_security_middleware

logging.basicConfig(level=settings().log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logger = logging.getLogger("easyflow")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Says what was started with, and closes the connections at the end."""
    url = settings().database_url
    logger.info("version %s, database %s:%s/%s", settings().version, url.host, url.port, url.database)
    yield
    logger.info("stopping: closing connections")
    await cache.aclose()
    await database.engine.dispose()


app = FastAPI(title="Easy Flow", version=settings().version, lifespan=lifespan)
app.include_router(system.router)
app.include_router(messages.router)
app.include_router(sessions.router)
app.mount("/static", StaticFiles(directory=Path(__file__).parents[1] / "static"), name="static")


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


# Last: it has to see a request before everything else.
setup_security_middleware(app)
