"""Chat sessions, their messages and the stream of their events."""

import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import bus
from app.database import session
from app.metrics import SSE_ACTIVE, SSE_TOTAL
from app.models import ChatSession, Message, User

router = APIRouter(prefix="/sessions", tags=["chat"])
logger = logging.getLogger("codelab.chat")
Database = Annotated[AsyncSession, Depends(session)]


class NewSession(BaseModel):
    """A session to be opened."""

    user_id: UUID


class SessionOut(BaseModel):
    """A session as the API shows it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    user_id: UUID
    created_at: datetime


class NewMessage(BaseModel):
    """A message to be added."""

    role: Literal["user", "assistant", "system"] = "user"
    content: str = Field(min_length=1)


class MessageOut(NewMessage):
    """A message as the API shows it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    session_id: UUID
    created_at: datetime


async def _existing(db: AsyncSession, session_id: UUID) -> None:
    if await db.get(ChatSession, session_id) is None:
        raise HTTPException(404, f"no session {session_id}")


@router.post("", status_code=201)
async def open_session(new: NewSession, db: Database) -> SessionOut:
    """Opens a session for a user; 404 when there is no such user."""
    if await db.get(User, new.user_id) is None:
        raise HTTPException(404, f"no user {new.user_id}")
    opened = ChatSession(user_id=new.user_id)
    db.add(opened)
    await db.commit()
    return SessionOut.model_validate(opened)


@router.get("")
async def list_sessions(user_id: UUID, db: Database) -> list[SessionOut]:
    """The latest 100 sessions of a user."""
    wanted = select(ChatSession).where(ChatSession.user_id == user_id).order_by(ChatSession.created_at.desc())
    return [SessionOut.model_validate(found) for found in await db.scalars(wanted.limit(100))]


@router.post("/{session_id}/messages", status_code=201)
async def add_message(session_id: UUID, new: NewMessage, db: Database) -> MessageOut:
    """Stores a message and tells everyone who listens to the session."""
    await _existing(db, session_id)
    message = Message(session_id=session_id, role=new.role, content=new.content)
    db.add(message)
    await db.commit()
    shown = MessageOut.model_validate(message)
    try:
        await bus.publish(session_id, shown.model_dump(mode="json"))
    except RedisError as error:  # the message is stored: whoever lists the session sees it
        logger.error("session %s: listeners not told: %s", session_id, error)
    return shown


@router.get("/{session_id}/messages")
async def list_messages(session_id: UUID, db: Database) -> list[MessageOut]:
    """The messages of a session, oldest first."""
    await _existing(db, session_id)
    found = await db.scalars(select(Message).where(Message.session_id == session_id).order_by(Message.created_at))
    return [MessageOut.model_validate(message) for message in found]


async def _as_sse(request: Request, session_id: UUID, last_id: str) -> AsyncIterator[str]:
    SSE_TOTAL.inc()
    with SSE_ACTIVE.track_inprogress():
        async for event in bus.events(session_id, last_id):
            if await request.is_disconnected():
                return
            # A comment line keeps proxies from closing a silent connection.
            yield f"id: {event[0]}\ndata: {event[1]}\n\n" if event else ": still here\n\n"


@router.get("/{session_id}/events")
async def stream(request: Request, session_id: UUID, last_event_id: Annotated[str, Header()] = "0-0") -> StreamingResponse:
    """Server-sent events of a session, from the one after `Last-Event-ID` on."""
    return StreamingResponse(_as_sse(request, session_id, last_event_id), media_type="text/event-stream")
