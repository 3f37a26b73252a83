"""A level of each card. Only version 2 of the image has this revision; version 1 leaves the column alone.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, with a value for the cards that are there."""
    op.add_column("cards", sa.Column("level", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Removes the column."""
    op.drop_column("cards", "level")
