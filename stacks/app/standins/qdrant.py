"""A stand-in for Qdrant on its ports 6333 (HTTP) and 6334 (gRPC, accepts and closes): collections and snapshots only.

Storage: /qdrant/storage/collections/NAME.json; snapshots: /qdrant/snapshots/NAME/.
"""

import hashlib
import json
import logging
import os
import re
import signal
import socketserver
import sys
import tarfile
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COLLECTIONS = Path(os.environ.get("QDRANT__STORAGE__STORAGE_PATH", "/qdrant/storage")) / "collections"
SNAPSHOTS = Path(os.environ.get("QDRANT__STORAGE__SNAPSHOTS_PATH", "/qdrant/snapshots"))
ABOUT = {"title": "qdrant-standin: not Qdrant, a stand-in for the test bed", "version": "0.0.0-standin"}
NAME = r"([A-Za-z0-9_.-]{1,100})"
logger = logging.getLogger("qdrant-standin")


class Refused(Exception):
    """An answer other than success: a status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def stored(name: str) -> Path:
    """The file of an existing collection."""
    path = COLLECTIONS / f"{name}.json"
    if not path.is_file():
        raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
    return path


def list_collections(_: bytes) -> dict:
    """All collections by name."""
    return {"collections": [{"name": path.stem} for path in sorted(COLLECTIONS.glob("*.json"))]}


def create(body: bytes, name: str) -> bool:
    """Makes a collection; its configuration is kept as it came."""
    path = COLLECTIONS / f"{name}.json"
    if path.exists():
        raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
    try:
        config = json.loads(body or b"{}")
    except ValueError as error:
        raise Refused(400, f"Format error in JSON body: {error}") from error
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(config))
    partial.rename(path)
    return True


def show(_: bytes, name: str) -> dict:
    """A collection; it never has points."""
    return {"status": "green", "points_count": 0, "config": json.loads(stored(name).read_text())}


def delete(_: bytes, name: str) -> bool:
    """Removes a collection; its snapshots stay."""
    stored(name).unlink()
    return True


def snapshot(_: bytes, name: str) -> dict:
    """Writes a snapshot: a tar of the collection's file under a name that holds the time."""
    source = stored(name)
    folder = SNAPSHOTS / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{time.time_ns()}-{datetime.now():%Y-%m-%d-%H-%M-%S}.snapshot"
    with tarfile.open(path, "w") as archive:
        archive.add(source, arcname=source.name)
    return describe(path)


def list_snapshots(_: bytes, name: str) -> list[dict]:
    """The snapshots of a collection."""
    stored(name)
    return [describe(path) for path in sorted((SNAPSHOTS / name).glob("*.snapshot"))]


def describe(path: Path) -> dict:
    """What the API tells of a snapshot."""
    facts = path.stat()
    return {
        "name": path.name,
        "creation_time": datetime.fromtimestamp(facts.st_mtime).isoformat(timespec="seconds"),
        "size": facts.st_size,
        "checksum": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


ROUTES = [
    ("GET", r"/collections", list_collections),
    ("PUT", rf"/collections/{NAME}", create),
    ("GET", rf"/collections/{NAME}", show),
    ("DELETE", rf"/collections/{NAME}", delete),
    ("POST", rf"/collections/{NAME}/snapshots", snapshot),
    ("GET", rf"/collections/{NAME}/snapshots", list_snapshots),
]


class Handler(BaseHTTPRequestHandler):
    """Answers as Qdrant's HTTP API does: `{"result", "status", "time"}`."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Reads one request, finds its route and sends what comes of it."""
        started = time.perf_counter()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0].rstrip("/") or "/"
        if path in ("/healthz", "/readyz", "/livez"):
            return self.send(200, b"healthz check passed", "text/plain")
        if path == "/":
            return self.send(200, json.dumps(ABOUT).encode())
        status, envelope = 200, {"status": "ok"}
        try:
            envelope["result"] = self.result(path, body)
        except Refused as refused:
            status, envelope = refused.status, {"status": {"error": str(refused)}}
        envelope["time"] = time.perf_counter() - started
        return self.send(status, json.dumps(envelope).encode())

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def result(self, path: str, body: bytes) -> object:
        """Calls the function of the route."""
        for method, pattern, function in ROUTES:
            if self.command == method and (found := re.fullmatch(pattern, path)):
                return function(body, *found.groups())
        raise Refused(404, f"this stand-in does not know {self.command} {path}")

    def send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        """Sends a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *values: object) -> None:
        """One line per request, except for the probes."""
        if not self.path.endswith("z"):
            logger.info("%s %s", self.address_string(), form % values)


class Closes(socketserver.BaseRequestHandler):
    """The gRPC port: something listens there, nothing is understood."""

    def handle(self) -> None:
        """Closes at once."""


class TcpServer(socketserver.ThreadingTCPServer):
    """A TCP server whose port is free again at once."""

    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    """Serves both ports until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    COLLECTIONS.mkdir(parents=True, exist_ok=True)
    servers = [ThreadingHTTPServer(("", 6333), Handler), TcpServer(("", 6334), Closes)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    logger.info("a stand-in, not Qdrant: HTTP on 6333, TCP on 6334, storage in %s", COLLECTIONS.parent)
    received = signal.sigwait({signal.SIGTERM, signal.SIGINT})
    logger.info("%s: stopping", signal.Signals(received).name)
    for server in servers:
        server.shutdown()


if __name__ == "__main__":
    # Before any thread starts, so that all of them leave the signals to `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
