"""Access tokens. Whoever asks gets one: what is protected is small, and there are no accounts."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app import tokens

router = APIRouter(prefix="/api/auth", tags=["auth"])


class Login(BaseModel):
    """Who wants a token."""

    user: str = Field(min_length=1, max_length=100)


class Token(BaseModel):
    """A token, to be sent as `Authorization: Bearer …`."""

    access_token: str
    token_type: str = "bearer"


@router.post("/token")
async def token(login: Login) -> Token:
    """Issues a token."""
    return Token(access_token=tokens.issue(login.user))
