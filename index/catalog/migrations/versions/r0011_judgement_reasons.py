"""Revision 0011: why a user judged so, judged answers, and keys by which a judgement is replaced. All begin empty."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the missing columns, and the index of the keys."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("judgements")}
    for name, kind in (("why", sa.Text()), ("answer", sa.Text()), ("key", sa.String(64))):
        if name not in there:
            op.add_column("judgements", sa.Column(name, kind, nullable=False, server_default=""))
    op.create_index("ix_judgements_key", "judgements", ["key"], if_not_exists=True)
