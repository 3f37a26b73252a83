"""A stand-in for Elasticsearch on port 9200: takes documents in bulk, counts them, and finds those that hold a text.

Documents are kept in memory, the newest 20,000 of each index.
"""

import json
import logging
import re
import signal
import sys
import threading
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PORT = 9200
KEPT = 20_000
INDEX = r"([a-z0-9][a-z0-9._-]{0,100})"
ABOUT = {"name": "elasticsearch-standin", "tagline": "not Elasticsearch, a stand-in for the test bed", "version": {"number": "0.0.0-standin"}}
indexes: dict[str, deque[dict]] = defaultdict(lambda: deque(maxlen=KEPT))
logger = logging.getLogger("elasticsearch-standin")


class Refused(Exception):
    """An answer other than success: a status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def bulk(body: bytes) -> dict:
    """Takes pairs of lines: an action, which can only be `index` or `create`, and a document."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) % 2:
        raise Refused(400, "an action without a document")
    items = []
    for action, document in zip(lines[::2], lines[1::2]):
        try:
            (verb, target), content = next(iter(json.loads(action).items())), json.loads(document)
        except (ValueError, StopIteration, AttributeError) as error:
            raise Refused(400, f"Malformed action/metadata line or document: {error}") from error
        if verb not in ("index", "create") or not re.fullmatch(INDEX, str(target.get("_index"))):
            raise Refused(400, f"this stand-in does not know {verb} on {target.get('_index')!r}")
        indexes[target["_index"]].append(content)
        items.append({verb: {"_index": target["_index"], "status": 201}})
    return {"took": 0, "errors": False, "items": items}


def matching(name: str, query: dict[str, list[str]]) -> list[dict]:
    """The documents of an index that hold the text `q` anywhere, oldest first."""
    if name not in indexes:
        raise Refused(404, f"no such index [{name}]")
    wanted = query.get("q", ["*"])[0]
    return [found for found in list(indexes[name]) if wanted == "*" or wanted in json.dumps(found, ensure_ascii=False)]


def result(method: str, path: str, query: dict[str, list[str]], body: bytes) -> object:
    """The answer to a request."""
    if (method, path) == ("GET", "/"):
        return ABOUT
    if (method, path) == ("GET", "/_cluster/health"):
        return {"cluster_name": "elasticsearch-standin", "status": "green", "number_of_nodes": 1}
    if (method, path) == ("POST", "/_bulk"):
        return bulk(body)
    if method == "GET" and (found := re.fullmatch(rf"/{INDEX}/_count", path)):
        return {"count": len(matching(found[1], query))}
    if method == "GET" and (found := re.fullmatch(rf"/{INDEX}/_search", path)):
        hits = matching(found[1], query)
        size = int(query.get("size", ["10"])[0])
        return {"hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": [{"_index": found[1], "_source": hit} for hit in hits[-size:]]}}
    raise Refused(400, f"this stand-in does not know {method} {path}")


class Handler(BaseHTTPRequestHandler):
    """Answers as Elasticsearch's HTTP API does."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Reads one request and sends what comes of it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        try:
            status, content = 200, result(self.command, url.path.rstrip("/") or "/", parse_qs(url.query), body)
        except Refused as refused:
            status, content = refused.status, {"error": {"reason": str(refused)}, "status": refused.status}
        sent = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, form: str, *values: object) -> None:
        """One line for each request that was refused; the others would be logs about logs."""
        if len(values) > 1 and not str(values[1]).startswith("2"):
            logger.info("%s %s", self.address_string(), form % values)


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    server = ThreadingHTTPServer(("", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    logger.info("a stand-in, not Elasticsearch: port %d", PORT)
    received = signal.sigwait({signal.SIGTERM, signal.SIGINT})
    logger.info("%s: stopping", signal.Signals(received).name)
    server.shutdown()


if __name__ == "__main__":
    # Before any thread starts, so that all of them leave the signals to `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
