"""Revision 0007: label sets, and the labels that models assigned to pages. Both begin empty."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables, empty."""
    ordered = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "label_sets",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("approximate", sa.Integer, nullable=False),
        sa.Column("rules", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "page_labels",
        sa.Column("page", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("label_set", sa.String(12), primary_key=True),
        sa.Column("label", ordered, primary_key=True),
        sa.Column("document", sa.BigInteger, nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_page_labels_document", "page_labels", ["document"], if_not_exists=True)
