"""A stand-in for Grafana on port 3000: health, and what is provisioned. No panels and no queries.

Dashboards are the JSON files in the folders that the files in PROVISIONING/dashboards name (`path:`), or in that folder
itself; data sources are the names in the files of PROVISIONING/datasources.
"""

import base64
import html
import json
import logging
import os
import re
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PROVISIONING = Path(os.environ.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning"))
USER = os.environ.get("GF_SECURITY_ADMIN_USER", "admin")
PASSWORD = os.environ.get("GF_SECURITY_ADMIN_PASSWORD", "admin")
logger = logging.getLogger("grafana-standin")


def configured(part: str, key: str) -> list[str]:
    """The values of `key` in the YAML files of a provisioning folder; one value per line is all that is understood."""
    files = sorted([*PROVISIONING.glob(f"{part}/*.yaml"), *PROVISIONING.glob(f"{part}/*.yml")])
    pattern = re.compile(rf"^[\s-]*{key}:\s*[\"']?([^\"'#\n]+?)[\"']?\s*(?:#.*)?$", re.MULTILINE)
    return [value for file in files for value in pattern.findall(file.read_text())]


def dashboards() -> dict[str, dict]:
    """Every provisioned dashboard by its uid."""
    folders = [PROVISIONING / "dashboards", *map(Path, configured("dashboards", "path"))]
    found = {}
    for file in sorted({path.resolve() for folder in folders for path in folder.rglob("*.json")}):
        try:
            model = json.loads(file.read_text())
        except ValueError as error:
            logger.error("%s is not JSON: %s", file, error)
            continue
        if not model.get("title"):
            logger.error("%s has no title: not a dashboard", file)
            continue
        found[model.get("uid") or file.stem] = model
    return found


def search() -> list[dict]:
    """The list of dashboards, as `/api/search` gives it."""
    return [
        {"uid": uid, "title": model["title"], "type": "dash-db", "url": f"/d/{uid}", "tags": model.get("tags", [])}
        for uid, model in sorted(dashboards().items(), key=lambda item: item[1]["title"])
    ]


def page() -> bytes:
    """The first page: what this is, and the titles."""
    items = "".join(f"<li>{html.escape(found['title'])}</li>" for found in search())
    text = "<p>grafana-standin: not Grafana, a stand-in for the test bed. Provisioned dashboards:</p>"
    return f"<!doctype html><title>grafana-standin</title>{text}<ul>{items}</ul>".encode()


class Handler(BaseHTTPRequestHandler):
    """Health is open; everything else needs the administrator's name and password."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers one request."""
        path = self.path.split("?")[0].rstrip("/") or "/"
        if path == "/api/health":
            return self.send(200, {"database": "ok", "version": "0.0.0-standin", "commit": "standin"})
        if path == "/":
            return self.send(200, page())
        if not self.allowed():
            return self.send(401, {"message": "Invalid username or password"})
        if path == "/api/search":
            return self.send(200, search())
        if path == "/api/datasources":
            return self.send(200, [{"name": name} for name in configured("datasources", "name")])
        if found := re.fullmatch(r"/api/dashboards/uid/([^/]+)", path):
            model = dashboards().get(found[1])
            return self.send(200, {"dashboard": model, "meta": {"provisioned": True}}) if model else self.missing("Dashboard not found")
        return self.missing(f"this stand-in does not know GET {path}")

    def allowed(self) -> bool:
        """Whether the request carries the administrator's credentials."""
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def missing(self, message: str) -> None:
        """Sends 404 with a reason."""
        self.send(404, {"message": message})

    def send(self, status: int, content: object) -> None:
        """Sends a page, or anything else as JSON."""
        is_page = isinstance(content, bytes)
        body = content if is_page else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8" if is_page else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="grafana-standin"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *values: object) -> None:
        """One line per request, except for the health check."""
        if self.path != "/api/health":
            logger.info("%s %s", self.address_string(), form % values)


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    server = ThreadingHTTPServer(("", 3000), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    titles = ", ".join(found["title"] for found in search()) or "none"
    logger.info("a stand-in, not Grafana: port 3000, dashboards: %s", titles)
    received = signal.sigwait({signal.SIGTERM, signal.SIGINT})
    logger.info("%s: stopping", signal.Signals(received).name)
    server.shutdown()


if __name__ == "__main__":
    # Before any thread starts, so that all of them leave the signals to `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
