"""Revision 0002: how many pages hold each term, for collections whose `words` lane lies on a server."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make both tables, empty: the writer of a collection that needs them fills them."""
    op.create_table(
        "terms",
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pages", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "term_totals",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("pages", sa.BigInteger, nullable=False),
        sa.Column("terms", sa.BigInteger, nullable=False),
        sa.Column("pairs", sa.BigInteger, nullable=False),
        sa.Column("average_terms", sa.Float, nullable=False),
        sa.Column("average_pairs", sa.Float, nullable=False),
        sa.Column("settled", sa.Integer, nullable=False),
        if_not_exists=True,
    )
