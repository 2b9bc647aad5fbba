"""Revision 0002: document frequencies, for collections whose `words` lane is on a server."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create both tables, empty. The writer of a collection that needs them fills them."""
    op.create_table(
        "document_frequencies",
        sa.Column("term", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pages", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "term_totals",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("pages", sa.BigInteger, nullable=False),
        sa.Column("terms", sa.BigInteger, nullable=False),
        sa.Column("bigrams", sa.BigInteger, nullable=False),
        sa.Column("indexed_terms", sa.Float, nullable=False),
        sa.Column("indexed_bigrams", sa.Float, nullable=False),
        sa.Column("uniform", sa.Integer, nullable=False),
        if_not_exists=True,
    )
