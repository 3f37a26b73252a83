"""The seven tables. Alembic compares `Base.metadata` with the database to generate migrations."""

from app.models.base import Base
from app.models.chat import ChatSession, Message
from app.models.user import User, UserAgent, UserOrchestrator
from app.models.work import ApprovalRequest, Task

__all__ = ["ApprovalRequest", "Base", "ChatSession", "Message", "Task", "User", "UserAgent", "UserOrchestrator"]
