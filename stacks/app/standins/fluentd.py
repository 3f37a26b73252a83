"""A stand-in for Fluentd: follows files and sends their lines on, by the file that FLUENTD_CONF names.

It knows `<source>` of type tail with `path`, `pos_file`, `tag`, and `format` or `<parse>` of type json, none or cri; and `<match>`
of type elasticsearch with `host`, `port`, `index_name`, loki with `url` and `extra_labels`, or stdout. Anything else in the file ends it with a reason.
"""

import glob
import json
import logging
import os
import re
import signal
import sys
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

# As in the official image, a name in this folder; another path may be given whole.
CONF = Path("/fluentd/etc") / os.environ.get("FLUENTD_CONF", "fluent.conf")
# Seconds between two looks at the files, that one call may take, and how much of a file is sent at once.
PAUSE = 1
CALL_TIMEOUT = 5
PIECE = 1024 * 1024
# What may stand in a section beside `@type`; the second half changes nothing here.
KNOWN = {
    "tail": {"path", "pos_file", "tag", "format", "time_format", "read_from_head", "exclude_path", "refresh_interval"},
    "elasticsearch": {"host", "port", "index_name", "scheme", "logstash_format", "include_tag_key", "flush_interval"},
    "loki": {"url", "extra_labels", "line_format", "flush_interval"},
    "stdout": set(),
    "json": {"time_key", "time_format", "keep_time_key"},
    "none": set(),
    "cri": {"time_format", "merge_cri_fields"},
}
CRI = re.compile(r"(?P<time>\S+) (?P<stream>stdout|stderr) (?P<logtag>[FP]) (?P<message>.*)")
logger = logging.getLogger("fluentd-standin")


class Unknown(SystemExit):
    """The configuration asks for what this stand-in does not do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"fluentd-standin: {CONF}: {what}")


@dataclass
class Section:
    """A part of the configuration."""

    name: str
    argument: str
    values: dict[str, str] = field(default_factory=dict)
    parse: "Section | None" = None

    def check(self) -> None:
        """Fails on what is not known."""
        kind = self.values.pop("@type", self.values.get("format"))
        if kind not in KNOWN or (self.name == "source") != (kind == "tail") or (self.name == "match") != (kind in ("elasticsearch", "loki", "stdout")):
            raise Unknown(f"<{self.name}> of type {kind}")
        self.values["type"] = kind
        if unknown := self.values.keys() - KNOWN[kind] - {"type"}:
            raise Unknown(f"{', '.join(sorted(unknown))} in <{self.name}> of type {kind}")


def read(text: str) -> list[Section]:
    """Reads a configuration."""
    sections, open_sections = [], []
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if found := re.fullmatch(r"<(source|match|parse)\s*(.*?)>", line):
            section = Section(found[1], found[2])
            if section.name == "parse" and open_sections:
                open_sections[-1].parse = section
            elif section.name != "parse" and not open_sections:
                sections.append(section)
            else:
                raise Unknown(f"{line} in this place")
            open_sections.append(section)
        elif open_sections and line == f"</{open_sections[-1].name}>":
            open_sections.pop().check()
        elif open_sections and not line.startswith("<"):
            name, _, value = line.partition(" ")
            open_sections[-1].values[name] = value.strip().strip("\"'")
        else:
            raise Unknown(line)
    if open_sections:
        raise Unknown(f"<{open_sections[-1].name}> has no end")
    return sections


def fits(pattern: str, tag: str) -> bool:
    """Whether a match takes a tag: `*` is one part of it, `**` any number of parts."""
    parts = re.escape(pattern).replace(r"\.\*\*", r"(\..*)?").replace(r"\*\*", ".*").replace(r"\*", "[^.]*")
    return any(re.fullmatch(one, tag) for one in parts.split(r"\ "))


def record(line: str, kind: str) -> dict:
    """A line as a record; one that does not have the form stays whole."""
    if kind == "json":
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"message": line}
    found = CRI.fullmatch(line) if kind == "cri" else None
    return found.groupdict() if found else {"message": line}


class Positions:
    """How far each file was sent on, in `pos_file`: path, offset and inode, as Fluentd writes them."""

    def __init__(self, path: str | None) -> None:
        self.path = Path(path) if path else None
        self.known: dict[str, tuple[int, int]] = {}
        if self.path and self.path.exists():
            for line in self.path.read_text().splitlines():
                name, offset, inode = line.split("\t")
                self.known[name] = (int(offset, 16), int(inode, 16))

    def of(self, name: str, facts: os.stat_result) -> int:
        """Where to go on: at the start of a file that is another one under its old name, or shorter."""
        offset, inode = self.known.get(name, (0, facts.st_ino))
        return offset if inode == facts.st_ino and offset <= facts.st_size else 0

    def move(self, name: str, offset: int, inode: int) -> None:
        """Notes how far a file was sent on."""
        self.known[name] = (offset, inode)
        if self.path:
            partial = self.path.with_suffix(".partial")
            lines = [f"{name}\t{offset:016x}\t{inode:016x}\n" for name, (offset, inode) in self.known.items()]
            partial.write_text("".join(lines))
            partial.rename(self.path)


def post(url: str, body: str, kind: str) -> None:
    """Sends a body to a server; raises what the call raises."""
    request = urllib.request.Request(url, data=body.encode(), headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=CALL_TIMEOUT):
        pass


def send(match: Section, tag: str, records: list[dict]) -> None:
    """Sends records to where a match says; raises what the call raises."""
    now = datetime.now(UTC)
    values = match.values
    if values["type"] == "loki":
        labels = {**json.loads(values.get("extra_labels", "{}")), "tag": tag}
        lines = [[str(int(now.timestamp() * 1e9)), json.dumps(one, ensure_ascii=False)] for one in records]
        url = f"{values.get('url', 'http://localhost:3100').rstrip('/')}/loki/api/v1/push"
        post(url, json.dumps({"streams": [{"stream": labels, "values": lines}]}), "application/json")
        return
    documents = [{"@timestamp": now.isoformat(), "tag": tag, **one} for one in records]
    if values["type"] == "stdout":
        for document in documents:
            print(json.dumps(document, ensure_ascii=False), flush=True)
        return
    action = json.dumps({"index": {"_index": values.get("index_name", "fluentd")}})
    body = "".join(f"{action}\n{json.dumps(document)}\n" for document in documents)
    post(f"http://{values.get('host', 'localhost')}:{values.get('port', '9200')}/_bulk", body, "application/x-ndjson")


class Tail:
    """A source, and the first match that takes what it sends."""

    def __init__(self, source: Section, matches: list[Section]) -> None:
        self.values = source.values
        self.kind = (source.parse.values["type"] if source.parse else source.values.get("format")) or "none"
        self.positions = Positions(source.values.get("pos_file"))
        self.matches = matches

    def look(self) -> None:
        """Sends on what is new. A file that can't be sent on stays where it is until the next look."""
        names = {name for pattern in self.values["path"].split(",") for name in glob.glob(pattern.strip())}
        excluded = {name for name in glob.glob(self.values.get("exclude_path", "").strip('[]"'))}
        for name in sorted(names - excluded):
            tag = self.values["tag"].replace("*", name.strip("/").replace("/", "."))
            match = next((match for match in self.matches if fits(match.argument, tag)), None)
            try:
                if match:
                    self.follow(name, tag, match)
            except OSError as error:
                logger.error("%s: not sent on yet: %s", name, error)

    def follow(self, name: str, tag: str, match: Section) -> None:
        """Sends on the complete lines of a file that were not sent yet."""
        with open(name, "rb") as file:
            facts = os.fstat(file.fileno())
            offset = self.positions.of(name, facts)
            file.seek(offset)
            while b"\n" in (piece := file.read(PIECE)):
                whole = piece[: piece.rindex(b"\n") + 1]
                lines = whole.decode(errors="replace").splitlines()
                send(match, tag, [record(line, self.kind) for line in lines])
                offset += len(whole)
                self.positions.move(name, offset, facts.st_ino)
                file.seek(offset)


def main() -> None:
    """Follows the files until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        sections = read(CONF.read_text())
    except OSError as error:
        raise Unknown(str(error)) from error
    matches = [section for section in sections if section.name == "match"]
    tails = [Tail(section, matches) for section in sections if section.name == "source"]
    logger.info("a stand-in, not Fluentd: %d sources, %d matches", len(tails), len(matches))
    while not signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, PAUSE):
        for tail in tails:
            tail.look()
    logger.info("stopping")


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
