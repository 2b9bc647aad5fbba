"""Revision 0005: files that are not read, and the numbers of members of containers. Both begin empty."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables, empty."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "unread_files",
        sa.Column("path", text, primary_key=True),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "containers",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("members", sa.Integer, nullable=False),
        if_not_exists=True,
    )
