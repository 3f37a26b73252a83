"""codelab-core-service: users, agents, chat sessions, messages and tasks behind an HTTP API."""

__version__ = "1.0.0"
