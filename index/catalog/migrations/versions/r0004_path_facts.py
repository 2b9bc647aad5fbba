"""Revision 0004: digests of what documents took from their paths. Documents that exist already have none."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "path_facts",
        sa.Column("document", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        if_not_exists=True,
    )
