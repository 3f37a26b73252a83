"""The initial schema: seven tables.

Revision 001, the first; made 2026-02-11 22:15.
"""

import sqlalchemy as sa
from alembic import op

revision = "001"
down_revision = None
branch_labels = None
depends_on = None


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """Creates a table with the two columns that all have."""
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        *parts,
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )


def _reference(table: str, column: str, target: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}", ondelete=ondelete)


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    # op.f: the name is final, the naming convention of the models must not be applied to it again.
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    """Creates the tables in the order of their foreign keys, then the indexes."""
    _users()
    _chat()
    _work()
    for table, *columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _users() -> None:
    _table(
        "users",
        sa.Column("email", sa.String(320), nullable=False),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    _table(
        "user_agents",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        _one_of("user_agents", "status", "ready", "busy", "error"),
        _reference("user_agents", "user_id", "users"),
    )
    _table(
        "user_orchestrators",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        _reference("user_orchestrators", "user_id", "users"),
        sa.UniqueConstraint("user_id", name="uq_user_orchestrators_user_id"),
    )


def _chat() -> None:
    _table(
        "chat_sessions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        _reference("chat_sessions", "user_id", "users"),
    )
    _table(
        "messages",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        _one_of("messages", "role", "user", "assistant", "system"),
        _reference("messages", "session_id", "chat_sessions"),
        _reference("messages", "agent_id", "user_agents", ondelete="SET NULL"),
    )


def _work() -> None:
    _table(
        "tasks",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        _one_of("tasks", "status", "queued", "running", "completed", "failed"),
        _reference("tasks", "session_id", "chat_sessions"),
        _reference("tasks", "agent_id", "user_agents"),
    )
    _table(
        "approval_requests",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        _one_of("approval_requests", "type", "tool", "plan"),
        _one_of("approval_requests", "status", "pending", "approved", "rejected", "timeout"),
        _reference("approval_requests", "user_id", "users"),
    )


# Foreign keys, filters (status, created_at) and the pairs that the API's queries use.
INDEXES = [
    ("users", "created_at"),
    ("user_agents", "status"),
    ("user_agents", "user_id", "status"),
    ("chat_sessions", "user_id", "created_at"),
    ("messages", "agent_id"),
    ("messages", "session_id", "created_at"),
    ("tasks", "agent_id", "status"),
    ("tasks", "session_id", "created_at"),
    ("tasks", "status", "created_at"),
    ("approval_requests", "status", "created_at"),
    ("approval_requests", "user_id", "status"),
]


def downgrade() -> None:
    """Drops the tables, and with them all data."""
    for table in ("approval_requests", "tasks", "messages", "chat_sessions", "user_orchestrators", "user_agents", "users"):
        op.drop_table(table)
