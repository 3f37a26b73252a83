"""Messages: over the API, and by the webhooks of messengers."""

import asyncio
import hmac
import logging
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, HTTPException
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from app.api.state import database
from app.core.database import Message
from app.core.settings import settings
from app.tasks import process

router = APIRouter(prefix="/api/v1", tags=["messages"])
logger = logging.getLogger("easyflow.messages")
# Seconds that a caller waits while Redis is away.
HAND_ON_TIMEOUT = 2


class NewMessage(BaseModel):
    """A message to be processed."""

    body: str = Field(min_length=1, max_length=10_000)
    author: str = Field(default="anonymous", max_length=200)
    provider: str = Field(default="openai", pattern="^[a-z0-9-]{1,40}$")


class MessageOut(NewMessage):
    """A message as the API shows it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    channel: str
    reply: str | None
    received_at: datetime
    processed_at: datetime | None


class Chat(BaseModel):
    """Where a messenger's message was written."""

    id: int


class ChatMessage(BaseModel):
    """A message as Telegram sends it, as far as it is read."""

    chat: Chat
    text: str = Field(min_length=1, max_length=10_000)


class Update(BaseModel):
    """What a messenger's webhook gets."""

    update_id: int
    message: ChatMessage | None = None


async def _store(message: Message) -> MessageOut:
    async with database.session() as session:
        session.add(message)
        await session.commit()
    try:
        await asyncio.wait_for(run_in_threadpool(process.delay, str(message.id)), HAND_ON_TIMEOUT)
    except Exception as error:  # the message is stored: a tick of beat hands it on later
        logger.error("message %s: not handed on yet: %s: %s", message.id, type(error).__name__, error)
    return MessageOut.model_validate(message)


@router.post("/messages", status_code=201)
async def add(new: NewMessage) -> MessageOut:
    """Stores a message and hands it to the workers."""
    return await _store(Message(channel="api", author=new.author, body=new.body, provider=new.provider))


@router.get("/messages")
async def latest() -> list[MessageOut]:
    """The latest 100 messages, newest first."""
    async with database.session() as session:
        found = await session.scalars(select(Message).order_by(Message.received_at.desc()).limit(100))
        return [MessageOut.model_validate(message) for message in found]


@router.get("/messages/{message_id}")
async def one(message_id: UUID) -> MessageOut:
    """A message; it has a reply when a worker has processed it."""
    async with database.session() as session:
        found = await session.get(Message, message_id)
    if found is None:
        raise HTTPException(404, f"no message {message_id}")
    return MessageOut.model_validate(found)


@router.post("/messaging/webhook/{channel}", status_code=202)
async def webhook(
    channel: str, update: Update, x_telegram_bot_api_secret_token: Annotated[str, Header()] = ""
) -> dict[str, bool]:
    """Takes what a messenger sends. With WEBHOOK_SECRET set, only from a sender that knows it."""
    wanted = settings().webhook_secret
    if wanted and not hmac.compare_digest(wanted.encode(), x_telegram_bot_api_secret_token.encode()):
        raise HTTPException(403, "the secret token is missing or wrong")
    if update.message:
        chat, text = update.message.chat, update.message.text
        await _store(Message(channel=channel[:40], author=str(chat.id), body=text, provider="openai"))
    return {"ok": True}
