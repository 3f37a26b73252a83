"""The HTTP service as the guide starts it: `uvicorn main:app`."""

from app.main import app

__all__ = ["app"]
