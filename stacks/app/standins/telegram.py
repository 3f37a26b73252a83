"""A stand-in for Telegram's bot API on port 8081: takes every call of a bot, and tells which ones came.

`GET /` says what this is, `GET /calls` lists the calls without the tokens.
"""

import json
import logging
import re
import signal
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8081
CALL = re.compile(r"/bot([0-9A-Za-z:_-]{1,100})/([A-Za-z]{1,50})")
calls: deque[dict] = deque(maxlen=1000)
logger = logging.getLogger("telegram-standin")


class Handler(BaseHTTPRequestHandler):
    """Answers as the bot API does: `{"ok", "result"}`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Tells what this is, or what was called."""
        if self.path == "/":
            return self.send(200, {"about": "telegram-standin: not Telegram, a stand-in for the test bed"})
        if self.path == "/calls":
            return self.send(200, list(calls))
        return self.send(404, {"ok": False, "description": "Not Found"})

    def do_POST(self) -> None:
        """Takes a call."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = CALL.fullmatch(self.path)
        if not found:
            return self.send(404, {"ok": False, "description": "Not Found"})
        try:
            arguments = json.loads(body or b"{}")
        except ValueError:
            return self.send(400, {"ok": False, "description": "Bad Request: not JSON"})
        calls.append({"method": found[2], "arguments": arguments})
        return self.send(200, {"ok": True, "result": True})

    def send(self, status: int, content: object) -> None:
        """Sends a whole answer."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *values: object) -> None:
        """One line per call, without the token in its path."""
        logger.info("%s", CALL.sub(r"/bot…/\2", form % values))


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    server = ThreadingHTTPServer(("", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    logger.info("a stand-in, not Telegram: port %d", PORT)
    received = signal.sigwait({signal.SIGTERM, signal.SIGINT})
    logger.info("%s: stopping", signal.Signals(received).name)
    server.shutdown()


if __name__ == "__main__":
    # Before any thread starts, so that all of them leave the signals to `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
