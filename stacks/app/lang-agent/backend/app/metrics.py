"""The metrics of the service."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests served.", ["method", "path", "status"])
HTTP_DURATION = Histogram("http_request_duration_seconds", "Time to answer an HTTP request.", ["method", "path"])
DB_DURATION = Histogram("db_query_duration_seconds", "Time that the database took for a statement.")
ACTIVE_USERS = Gauge("active_users", "Users with a request in the last 15 minutes.")
CACHE = Counter("cache_requests_total", "Translations looked up in Redis.", ["result"])
LLM_TOKENS = Counter("llm_tokens_total", "Tokens that the language model read and wrote.", ["model"])
LLM_COST = Counter("llm_cost_dollars_total", "What those tokens cost.", ["model"])
EXERCISES = Counter("exercises_total", "Answers given to cards.", ["result"])
