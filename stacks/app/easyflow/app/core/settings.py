"""Settings of every process, read once from the environment (see `.env.example`)."""

import os
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, urlsplit

from sqlalchemy.engine import URL, make_url


class SettingsError(SystemExit):
    """The environment does not describe a process that can run. The reason is all that the process says."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Easy Flow can't start: {reason}")


@dataclass(frozen=True)
class Settings:
    """What a process needs to know about its surroundings."""

    version: str
    log_level: str
    database_url: URL = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    cors_origins: list[str]
    trusted_hosts: list[str]
    workers: int
    tick_seconds: float
    beat_schedule: str


def _database_url() -> URL:
    url = make_url(os.environ.get("DATABASE_URL", "postgresql+asyncpg://postgres:postgres@localhost:5432/easyflow"))
    # A URL without a password takes it from DATABASE_PASSWORD, so that the URL can stand in a ConfigMap.
    password = os.environ.get("DATABASE_PASSWORD")
    return url.set(password=password) if url.password is None and password else url


def _redis_url() -> str:
    url = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
    password = os.environ.get("REDIS_PASSWORD")
    if urlsplit(url).password is None and password:
        scheme, rest = url.split("://", 1)
        return f"{scheme}://:{quote(password, safe='')}@{rest}"
    return url


def _list(name: str, default: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def _number(name: str, default: str) -> float:
    text = os.environ.get(name, default)
    try:
        number = float(text)
    except ValueError:
        number = 0
    if number <= 0:
        raise SettingsError(f"{name} is {text!r}, and has to be a number above 0")
    return number


@lru_cache
def settings() -> Settings:
    """The settings of this process; raises `SettingsError` when they can't be used."""
    return Settings(
        version=os.environ.get("APP_VERSION", "1"),
        log_level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        database_url=_database_url(),
        redis_url=_redis_url(),
        secret_key=os.environ.get("SECRET_KEY", ""),
        webhook_secret=os.environ.get("WEBHOOK_SECRET", ""),
        cors_origins=_list("CORS_ORIGINS", "https://your-domain.com"),
        trusted_hosts=_list("TRUSTED_HOSTS", "your-domain.com,api.your-domain.com"),
        workers=int(_number("WORKERS", "4")),
        tick_seconds=_number("TICK_SECONDS", "30"),
        beat_schedule=os.environ.get("BEAT_SCHEDULE", "celerybeat-schedule"),
    )
