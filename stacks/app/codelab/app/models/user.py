"""Users, their agents and their orchestrator."""

import uuid

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class User(Base):
    """A person, known by an e-mail address."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email"), Index("ix_users_created_at", "created_at"))

    email: Mapped[str] = mapped_column(String(320))


class UserAgent(Base):
    """An agent that works for one user."""

    __tablename__ = "user_agents"
    __table_args__ = (
        CheckConstraint("status IN ('ready', 'busy', 'error')", name="status"),
        Index("ix_user_agents_user_id_status", "user_id", "status"),
        Index("ix_user_agents_status", "status"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    config: Mapped[dict] = mapped_column(JSON, default=dict)
    status: Mapped[str] = mapped_column(String(20), default="ready")


class UserOrchestrator(Base):
    """The one orchestrator of a user."""

    __tablename__ = "user_orchestrators"
    __table_args__ = (UniqueConstraint("user_id"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    config: Mapped[dict] = mapped_column(JSON, default=dict)
