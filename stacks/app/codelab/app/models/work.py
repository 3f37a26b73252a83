"""Tasks of agents, and the approvals that they ask for."""

import uuid
from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Task(Base):
    """A piece of work that an agent does for a session."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed')", name="status"),
        Index("ix_tasks_session_id_created_at", "session_id", "created_at"),
        Index("ix_tasks_agent_id_status", "agent_id", "status"),
        Index("ix_tasks_status_created_at", "status", "created_at"),
    )

    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("chat_sessions.id", ondelete="CASCADE"))
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_agents.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(20), default="queued")
    result: Mapped[dict | None] = mapped_column(JSON)
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ApprovalRequest(Base):
    """A question to the user: may this tool run, may this plan be carried out?"""

    __tablename__ = "approval_requests"
    __table_args__ = (
        CheckConstraint("type IN ('tool', 'plan')", name="type"),
        CheckConstraint("status IN ('pending', 'approved', 'rejected', 'timeout')", name="status"),
        Index("ix_approval_requests_user_id_status", "user_id", "status"),
        Index("ix_approval_requests_status_created_at", "status", "created_at"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(20))
    payload: Mapped[dict] = mapped_column(JSON, default=dict)
    status: Mapped[str] = mapped_column(String(20), default="pending")
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision: Mapped[str | None] = mapped_column(Text)
