"""Celery: `celery -A app.core.celery worker` and `celery -A app.core.celery beat`, with Redis between them."""

import socket
import uuid
from datetime import UTC, datetime

from celery import Celery
from celery.signals import before_task_publish

from app.core.settings import settings

TICK = "app.tasks.tick"
# Seconds after which Redis hands a task to another worker when its own has not finished it, as when it was killed.
HANDED_ON_AFTER = 60

# Each process has one; only that of beat gets into messages.
_this_process = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"

app = Celery("easyflow", broker=settings().redis_url, include=["app.tasks"])
app.conf.update(
    task_ignore_result=True,
    # A task is done when it has ended, not when a worker has taken it: a worker that is killed loses none.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=settings().workers,
    broker_connection_retry_on_startup=True,
    # The HTTP service answers without Redis as well: what it could not hand on, the next tick does.
    task_publish_retry=False,
    broker_transport_options={"visibility_timeout": HANDED_ON_AFTER, "socket_connect_timeout": 2},
    beat_schedule={
        "tick": {
            "task": TICK,
            "schedule": settings().tick_seconds,
            "args": (_this_process,),
            # Ticks that no worker took are of no use later.
            "options": {"expires": 600},
        }
    },
    beat_schedule_filename=settings().beat_schedule,
    timezone="UTC",
)


@before_task_publish.connect(sender=TICK)
def _note_time(headers: dict, **_: object) -> None:
    headers["sent"] = datetime.now(UTC).isoformat()
