"""Access tokens: JSON Web Tokens, signed with SECRET_KEY by HS256. A new key ends every token at once."""

import base64
import hashlib
import hmac
import json
import time
from typing import Annotated

from fastapi import Depends, Header, HTTPException

from app import cache
from app.settings import settings

HEADER = {"alg": "HS256", "typ": "JWT"}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signature(signed: str) -> str:
    return _encode(hmac.new(settings().secret_key.encode(), signed.encode(), hashlib.sha256).digest())


def issue(user: str) -> str:
    """A token for a user, good for ACCESS_TOKEN_EXPIRE_MINUTES."""
    claims = {"sub": user, "exp": int(time.time()) + settings().token_minutes * 60}
    signed = ".".join(_encode(json.dumps(part).encode()) for part in (HEADER, claims))
    return f"{signed}.{_signature(signed)}"


def _user(token: str) -> str | None:
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_signature(signed).encode(), signature.encode()):
        return None
    # Signed here, so its form is known.
    claims = json.loads(_decode(signed.split(".")[1]))
    return claims["sub"] if claims["exp"] > time.time() else None


async def current_user(authorization: Annotated[str, Header()] = "") -> str:
    """The user that the request's token names; 401 without a token that is good."""
    user = _user(authorization.removeprefix("Bearer "))
    if user is None:
        raise HTTPException(401, "no token, or not a good one: POST /api/auth/token", {"WWW-Authenticate": "Bearer"})
    await cache.seen(user)
    return user


User = Annotated[str, Depends(current_user)]
