"""Pictures and sounds: files in the folder MEDIA_DIR."""

import asyncio
import re
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse

from app.settings import settings
from app.tokens import User

router = APIRouter(prefix="/api/media", tags=["media"])

MAX_SIZE = 10 * 1024 * 1024
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\.(png|jpg|mp3|ogg)")


def _path(name: str) -> Path:
    if not NAME.fullmatch(name):
        raise HTTPException(422, "a name has letters, digits, _ and -, and ends in .png, .jpg, .mp3 or .ogg")
    return settings().media / name


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_SIZE:
            raise HTTPException(413, f"more than {MAX_SIZE} bytes")
    return bytes(body)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(body)
    partial.rename(path)


@router.put("/{name}", status_code=204)
async def store(name: str, request: Request, _: User) -> None:
    """Writes a file, over one of the same name; it is there whole or not at all."""
    await asyncio.to_thread(_write, _path(name), await _body(request))


@router.get("/{name}")
async def show(name: str) -> FileResponse:
    """A file; anyone may read it."""
    path = _path(name)
    if not path.is_file():
        raise HTTPException(404, f"no file {name}")
    return FileResponse(path)
