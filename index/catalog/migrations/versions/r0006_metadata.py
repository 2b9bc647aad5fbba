"""Revision 0006: fields and records of metadata tables. Both begin empty."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables, empty."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "metadata_fields",
        sa.Column("name", text, primary_key=True),
        sa.Column("type", sa.String(8), nullable=False),
        sa.Column("searched", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "metadata_records",
        sa.Column("path", text, primary_key=True),
        sa.Column("fields", sa.JSON, nullable=False),
        if_not_exists=True,
    )
