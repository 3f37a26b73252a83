"""CORS, trusted hosts and sessions, as the guide has them, with their values from the settings."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import Receive, Scope, Send

from app.core.settings import SettingsError, settings

# Probes and Prometheus call a replica by its address, which no list of hosts can hold.
BY_ADDRESS = {"/health", "/health/", "/metrics"}


class TrustedHosts(TrustedHostMiddleware):
    """Refuses requests for other hosts than the trusted ones, except for what is called by address."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] == "http" and scope["path"] in BY_ADDRESS:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def setup_security_middleware(app: FastAPI) -> None:
    """Adds the three; the last one added is the first to see a request."""
    if not settings().secret_key:
        raise SettingsError("SECRET_KEY is not set; it signs the cookies of sessions, so all replicas need the same")
    app.add_middleware(SessionMiddleware, secret_key=settings().secret_key, same_site="strict", https_only=True)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings().cors_origins,
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
    )
    app.add_middleware(TrustedHosts, allowed_hosts=settings().trusted_hosts)
