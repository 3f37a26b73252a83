"""codelab-core-service: users, agents, chat sessions, messages and tasks behind an HTTP API."""

import os

# The image says which one it is; the health of the version "broken" always fails.
__version__ = os.environ.get("APP_VERSION", "1.0.0")
