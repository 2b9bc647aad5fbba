"""Revision 0003: checksums of rows. Rows that exist already have none."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "checksums",
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("document", sa.BigInteger, nullable=False),
        sa.Column("crc", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_checksums_document", "checksums", ["document"], if_not_exists=True)
