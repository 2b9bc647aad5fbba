"""Revision 0013: outlines of the tables of pages. It begins empty: searches find the tables of pages without a row."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the table, as it is in `pagelens.index.catalog.tables` at this revision."""
    op.create_table(
        "table_outlines",
        sa.Column("page", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("document", sa.BigInteger(), sa.ForeignKey("documents.key"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("outlines", sa.JSON(), nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_table_outlines_document", "table_outlines", ["document"], if_not_exists=True)
