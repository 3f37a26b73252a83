"""The metrics of the service, by the names that the dashboard uses."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from sqlalchemy import func, select

from app.core.database import AiCalls, BeatRun, Database, Message

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests served.", ["method", "path", "status"])
HTTP_DURATION = Histogram("http_request_duration_seconds", "Time to answer an HTTP request.", ["method", "path"])


class WorkMetrics:
    """What workers did. The database counts it, so every replica reports the same figures, and none is lost."""

    def __init__(self) -> None:
        self.messages = 0
        self.ticks = 0
        self.calls: dict[str, int] = {}

    async def count(self, database: Database) -> None:
        """Counts anew; raises what the driver raises."""
        async with database.session() as session:
            processed = select(func.count()).select_from(Message).where(Message.processed_at.is_not(None))
            self.messages = await session.scalar(processed) or 0
            self.ticks = await session.scalar(select(func.count()).select_from(BeatRun)) or 0
            self.calls = dict((await session.execute(select(AiCalls.provider, AiCalls.calls))).tuples().all())

    def collect(self) -> Iterator[Metric]:
        """Yields the figures of the last count."""
        yield CounterMetricFamily("messages_processed", "Messages that a worker has processed.", self.messages)
        yield CounterMetricFamily("beat_runs", "Runs of the periodic task.", self.ticks)
        calls = CounterMetricFamily("ai_api_calls", "Calls of AI providers.", labels=["provider"])
        for provider, number in sorted(self.calls.items()):
            calls.add_metric([provider], number)
        yield calls


WORK = WorkMetrics()
REGISTRY.register(WORK)
