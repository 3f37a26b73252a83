"""The metrics of the service, by the names that the dashboards and alerts use."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests served.", ["method", "path", "status"])
HTTP_DURATION = Histogram("http_request_duration_seconds", "Time to answer an HTTP request.", ["method", "path"])
DB_DURATION = Histogram("db_query_duration_seconds", "Time that the database took for a statement.")
REDIS_OPERATIONS = Counter("redis_operations_total", "Commands sent to Redis.", ["operation"])
SSE_ACTIVE = Gauge("sse_connections_active", "Open server-sent event connections.")
SSE_TOTAL = Counter("sse_connections_total", "Server-sent event connections opened.")
POOL_SIZE = Gauge("db_connection_pool_size", "Database connections that the pool may hold.")
POOL_AVAILABLE = Gauge("db_connection_pool_available", "Database connections that a request could take now.")


class TaskMetrics:
    """Tasks by status. The database is what counts them, so every replica reports the same figures."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        """Yields the figures of the last count."""
        for status in ("queued", "running"):
            yield GaugeMetricFamily(f"agent_tasks_{status}", f"Tasks that are {status}.", self.counts.get(status, 0))
        for status in ("completed", "failed"):
            yield CounterMetricFamily(f"agent_tasks_{status}", f"Tasks that have {status}.", self.counts.get(status, 0))


TASKS = TaskMetrics()
REGISTRY.register(TASKS)
