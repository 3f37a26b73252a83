"""A stand-in for Loki on port 3100: takes lines with labels, and finds those with given labels that hold a text.

Lines are kept in memory, the newest 20,000. Of LogQL it knows `{label="value", …}`, followed by any number of `|= "text"`.
"""

import json
import logging
import re
import signal
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PORT = 3100
LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"([^"]*)"\s*')
QUERY = re.compile(r'\s*\{([^}]*)\}((?:\s*\|=\s*"[^"]*")*)\s*')
# Each a set of labels, the time in nanoseconds as a text, and the line.
lines: deque[tuple[dict[str, str], str, str]] = deque(maxlen=20_000)
logger = logging.getLogger("loki-standin")


class Refused(Exception):
    """What the request asks for is not known."""


def push(body: bytes) -> None:
    """Takes streams: labels with lines."""
    try:
        for stream in json.loads(body)["streams"]:
            lines.extend((dict(stream["stream"]), str(time), str(line)) for time, line in stream["values"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"not a list of streams: {type(error).__name__} {error}") from error


def query(text: str, limit: int) -> dict:
    """The newest lines that a query finds, by their labels."""
    found = QUERY.fullmatch(text)
    labels = [LABEL.fullmatch(part) for part in found[1].split(",")] if found else []
    if not found or not all(labels):
        raise Refused(f"this stand-in does not know the query {text!r}")
    wanted = {label[1]: label[2] for label in labels}
    texts = re.findall(r'"([^"]*)"', found[2])
    fitting = [kept for kept in list(lines) if wanted.items() <= kept[0].items() and all(text in kept[2] for text in texts)]
    streams: dict[str, dict] = {}
    for stream, time, line in fitting[-limit:]:
        key = json.dumps(stream, sort_keys=True)
        streams.setdefault(key, {"stream": stream, "values": []})["values"].append([time, line])
    return {"status": "success", "data": {"resultType": "streams", "result": list(streams.values())}}


class Handler(BaseHTTPRequestHandler):
    """Answers as Loki's HTTP API does."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Reads one request and sends what comes of it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        arguments = parse_qs(url.query)
        try:
            match self.command, url.path:
                case "GET", "/":
                    self.send(200, b"loki-standin: not Loki, a stand-in for the test bed\n")
                case "GET", "/ready":
                    self.send(200, b"ready\n")
                case "POST", "/loki/api/v1/push":
                    push(body)
                    self.send(204, b"")
                case "GET", "/loki/api/v1/query_range":
                    found = query(arguments.get("query", [""])[0], int(arguments.get("limit", ["100"])[0]))
                    self.send(200, json.dumps(found).encode(), "application/json")
                case _:
                    self.send(404, f"this stand-in does not know {self.command} {url.path}\n".encode())
        except (Refused, ValueError) as error:
            self.send(400, f"{error}\n".encode())

    do_GET = do_POST = answer

    def send(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        """Sends a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *values: object) -> None:
        """One line for each request that was refused; the others would be logs about logs."""
        if len(values) > 1 and not str(values[1]).startswith("2"):
            logger.info("%s %s", self.address_string(), form % values)


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    server = ThreadingHTTPServer(("", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    logger.info("a stand-in, not Loki: port %d", PORT)
    received = signal.sigwait({signal.SIGTERM, signal.SIGINT})
    logger.info("%s: stopping", signal.Signals(received).name)
    server.shutdown()


if __name__ == "__main__":
    # Before any thread starts, so that all of them leave the signals to `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
