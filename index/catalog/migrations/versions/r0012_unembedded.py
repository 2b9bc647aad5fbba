"""Revision 0012: pages whose rows in lanes with vectors are still to be made. It begins empty."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table, as it is in `pagelens.index.catalog.tables` at this revision."""
    op.create_table(
        "unembedded",
        sa.Column("page", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("document", sa.BigInteger(), nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_unembedded_document", "unembedded", ["document"], if_not_exists=True)
