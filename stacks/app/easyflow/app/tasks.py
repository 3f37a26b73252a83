"""What workers do: process messages, and note each tick of beat."""

import asyncio
import logging
import uuid
from datetime import UTC, datetime, timedelta

from celery import Task
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.celery import TICK, app
from app.core.database import AiCalls, BeatRun, Message, for_tasks, now

logger = logging.getLogger("easyflow.tasks")
# How old a message has to be before a tick takes it for one that was not handed on.
FORGOTTEN_AFTER = timedelta(seconds=10)


def ask(provider: str, body: str) -> str:
    """Where an AI provider would be asked. None is: the reply is made here, and the call is counted all the same."""
    return f"{provider}, not asked: {body[:200]}"


async def _process(message_id: uuid.UUID) -> None:
    database = for_tasks()
    async with database.session() as session:
        wanted = select(Message).where(Message.id == message_id, Message.processed_at.is_(None))
        # Locked, so that a task that is delivered twice counts once.
        message = await session.scalar(wanted.with_for_update())
        if message is None:
            logger.info("message %s: nothing to do", message_id)
            return
        message.reply = ask(message.provider, message.body)
        message.processed_at = now()
        once = insert(AiCalls).values(provider=message.provider, calls=1)
        again = once.on_conflict_do_update(index_elements=[AiCalls.provider], set_={"calls": AiCalls.calls + 1})
        await session.execute(again)
        await session.commit()


async def _tick(beat: str, sent: datetime) -> list[uuid.UUID]:
    database = for_tasks()
    async with database.session() as session:
        session.add(BeatRun(beat=beat, sent_at=sent))
        await session.commit()
        wanted = select(Message.id).where(Message.processed_at.is_(None), Message.received_at < now() - FORGOTTEN_AFTER)
        return list(await session.scalars(wanted.limit(100)))


@app.task(name="app.tasks.process", autoretry_for=(OSError,), retry_backoff=True, max_retries=None)
def process(message_id: str) -> None:
    """Processes one message, as often as it takes to reach the database."""
    asyncio.run(_process(uuid.UUID(message_id)))


@app.task(name=TICK, bind=True)
def tick(self: Task, beat: str) -> None:
    """Notes which beat process sent this and when, and hands on what was left lying."""
    sent = self.request.get("sent")
    forgotten = asyncio.run(_tick(beat, datetime.fromisoformat(sent) if sent else datetime.now(UTC)))
    for message_id in forgotten:
        process.delay(str(message_id))
