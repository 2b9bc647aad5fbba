"""Revision 0010: what a person looks through, and what they decided. The table begins empty."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "review_items",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("subject", sa.JSON, nullable=False),
        sa.Column("pointer", sa.Text, nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("boxes", sa.JSON, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("decision", sa.String(9), nullable=False),
        sa.Column("correction", sa.JSON, nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_review_items_sha256", "review_items", ["sha256"], if_not_exists=True)
