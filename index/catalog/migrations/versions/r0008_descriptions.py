"""Revision 0008: descriptions of page images by vision models. The table begins empty."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "descriptions",
        sa.Column("page", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("document", sa.BigInteger, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("prompt", sa.Integer, nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("caption", sa.Text, nullable=False),
        sa.Column("alt_text", sa.Text, nullable=False),
        sa.Column("picture_text", sa.Text, nullable=False),
        sa.Column("objects", sa.JSON, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("applied", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_descriptions_document", "descriptions", ["document"], if_not_exists=True)
