"""Settings of the service, read once from the environment (see `.env.example`)."""

import os
from dataclasses import dataclass, field
from functools import lru_cache

from sqlalchemy.engine import URL, make_url

# The value the guide prints; accepting it in production would sign tokens with a public key.
DEFAULT_JWT_SECRET = "your-secret-key-change-in-production"


class SettingsError(SystemExit):
    """The environment does not describe a service that can run.

    Whatever program reads the settings ends with the reason as its only words, not with a traceback.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"codelab-core-service can't start: {reason}")


@dataclass(frozen=True)
class Settings:
    """What the service needs to know about its surroundings."""

    app_env: str
    log_level: str
    database_url: URL = field(repr=False)
    redis_url: str = field(repr=False)
    qdrant_url: str
    openai_api_key: str = field(repr=False)
    jwt_secret_key: str = field(repr=False)


def _database_url() -> URL:
    raw = os.environ.get("DATABASE_URL", "postgresql+asyncpg://postgres:postgres@localhost:5432/codelab")
    url = make_url(raw)
    # A URL without a password takes it from DATABASE_PASSWORD, so that the URL can stand in a ConfigMap.
    password = os.environ.get("DATABASE_PASSWORD")
    return url.set(password=password) if url.password is None and password else url


@lru_cache
def settings() -> Settings:
    """The settings of this process; raises `SettingsError` when they can't be used."""
    read = Settings(
        app_env=os.environ.get("APP_ENV", "development"),
        log_level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        database_url=_database_url(),
        redis_url=os.environ.get("REDIS_URL", "redis://localhost:6379/0"),
        qdrant_url=os.environ.get("QDRANT_URL", "http://localhost:6333"),
        openai_api_key=os.environ.get("OPENAI_API_KEY", ""),
        jwt_secret_key=os.environ.get("JWT_SECRET_KEY", DEFAULT_JWT_SECRET),
    )
    if not read.openai_api_key:
        raise SettingsError("OPENAI_API_KEY is not set")
    if read.app_env == "production" and read.jwt_secret_key == DEFAULT_JWT_SECRET:
        raise SettingsError("JWT_SECRET_KEY is not set, or still the example's value, with APP_ENV=production")
    return read
