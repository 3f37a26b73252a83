"""A session: what a browser is remembered by."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

router = APIRouter(prefix="/api/v1/session", tags=["session"])


class Visitor(BaseModel):
    """Who the browser belongs to."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


@router.put("")
async def open_session(request: Request, visitor: Visitor) -> Visitor:
    """Sets the cookie. It is signed with SECRET_KEY, so that every replica knows it."""
    request.session["name"] = visitor.name
    return visitor


@router.get("")
async def current(request: Request) -> Visitor:
    """Whom the cookie names; 401 without one that was signed here."""
    if "name" not in request.session:
        raise HTTPException(401, "no session")
    return Visitor(name=request.session["name"])


@router.delete("", status_code=204)
async def close(request: Request) -> None:
    """Removes the cookie."""
    request.session.clear()
