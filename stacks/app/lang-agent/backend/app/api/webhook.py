"""Where Telegram sends updates."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from pydantic import BaseModel, Field

from app.settings import settings
from app.telegram import bot

router = APIRouter(prefix="/api/webhook", tags=["telegram"])


class Chat(BaseModel):
    """Where a message was written."""

    id: int


class Message(BaseModel):
    """A message, as far as it is read."""

    chat: Chat
    text: str = Field(min_length=1, max_length=200)


class Update(BaseModel):
    """What Telegram sends."""

    update_id: int
    message: Message | None = None


@router.post("")
async def receive(update: Update, x_telegram_bot_api_secret_token: Annotated[str, Header()] = "") -> dict[str, str]:
    """Answers a message; with a bot token set, only one from a sender that knows the webhook's secret."""
    given = x_telegram_bot_api_secret_token.encode()
    if settings().telegram.token and not hmac.compare_digest(bot.webhook_secret().encode(), given):
        raise HTTPException(403, "the secret token is missing or wrong")
    if update.message is None:
        return {"answer": ""}
    return {"answer": await bot.handle(update.message.chat.id, update.message.text)}
