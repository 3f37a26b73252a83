"""Settings of the service, read once from the environment: the names of the guide's `.env` (see `.env.example`)."""

import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from sqlalchemy.engine import URL, make_url


class SettingsError(SystemExit):
    """The environment does not describe a service that can run. The reason is all that the service says."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"lang-agent can't start: {reason}")


@dataclass(frozen=True)
class Telegram:
    """The bot, and where Telegram is."""

    api_url: str
    token: str = field(repr=False)
    webhook_url: str

    @property
    def on(self) -> bool:
        """Whether there is anything to talk to."""
        return bool(self.api_url and self.token)


@dataclass(frozen=True)
class Settings:
    """What the service needs to know about its surroundings."""

    version: str
    environment: str
    log_level: str
    database_url: URL = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    token_minutes: int
    media: Path
    llm_model: str
    telegram: Telegram


def _database_url() -> URL:
    # The guide's URL says `postgresql://`, which names no driver; ours is asyncpg.
    url = make_url(os.environ.get("DATABASE_URL", "postgresql://postgres:local_password@localhost:5432/langagent_local"))
    return url.set(drivername="postgresql+asyncpg")


def _environment() -> str:
    environment = os.environ.get("ENVIRONMENT", "local")
    if environment not in ("local", "production"):
        raise SettingsError(f"ENVIRONMENT is {environment!r}, and has to be local or production")
    return environment


def _secret_key(environment: str) -> str:
    key = os.environ.get("SECRET_KEY", "")
    if not key and environment == "production":
        raise SettingsError("SECRET_KEY is not set; make one with `openssl rand -hex 32`")
    return key or "only for local development"


@lru_cache
def settings() -> Settings:
    """The settings of this process; raises `SettingsError` when they can't be used."""
    environment = _environment()
    minutes = os.environ.get("ACCESS_TOKEN_EXPIRE_MINUTES", "30")
    if not minutes.isdecimal() or int(minutes) == 0:
        raise SettingsError(f"ACCESS_TOKEN_EXPIRE_MINUTES is {minutes!r}, and has to be a number above 0")
    if (algorithm := os.environ.get("ALGORITHM", "HS256")) != "HS256":
        raise SettingsError(f"ALGORITHM is {algorithm!r}; tokens are signed with HS256 and nothing else")
    return Settings(
        version=os.environ.get("APP_VERSION", "1"),
        environment=environment,
        log_level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        database_url=_database_url(),
        redis_url=os.environ.get("REDIS_URL", "redis://localhost:6379/0"),
        secret_key=_secret_key(environment),
        token_minutes=int(minutes),
        media=Path(os.environ.get("MEDIA_DIR", "/var/app/media")),
        llm_model=os.environ.get("LLM_MODEL", "gpt-4.1-mini"),
        telegram=Telegram(
            api_url=os.environ.get("TELEGRAM_API_URL", "").rstrip("/"),
            token=os.environ.get("TELEGRAM_BOT_TOKEN", ""),
            webhook_url=os.environ.get("TELEGRAM_WEBHOOK_URL", ""),
        ),
    )
