"""Revision 0001: the first tables.

Tables that exist already are left unchanged: a catalog may have been created without a recorded revision.
"""

import sqlalchemy as sa
from alembic import op

from pagelens.index.catalog.tables import ORDERED, TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the missing tables and the one row of `state`."""
    _make_documents()
    _make_pages()
    _make_rows()
    state = sa.table("state", sa.column("id"), sa.column("generation"), sa.column("next_document"))
    if op.get_bind().execute(sa.select(state.c.id)).first() is None:
        op.execute(sa.insert(state).values(id=1, generation=0, next_document=1))


def _make_documents() -> None:
    op.create_table(
        "state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("next_document", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "documents",
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("live", sa.Integer, nullable=False),
        sa.Column("pages_in", sa.Integer, nullable=False),
        sa.Column("staged_path", TEXT, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("page_count", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("date", sa.String(32)),
        sa.Column("metadata", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_table("paths", sa.Column("path", ORDERED, primary_key=True), _document(), if_not_exists=True)
    op.create_index("ix_paths_document", "paths", ["document"], if_not_exists=True)
    op.create_table(
        "failures",
        sa.Column("path", ORDERED, primary_key=True),
        sa.Column("sha256", sa.String(64)),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_failures_sha256", "failures", ["sha256"], if_not_exists=True)


def _make_pages() -> None:
    op.create_table(
        "pages",
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        _document(),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("label", TEXT),
        sa.Column("width", sa.Float, nullable=False),
        sa.Column("height", sa.Float, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("words", sa.LargeBinary, nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("confidence", sa.Float),
        sa.Column("caption", TEXT, nullable=False),
        sa.Column("problem", TEXT, nullable=False),
        sa.Column("passages", sa.LargeBinary, nullable=False),
        sa.Column("guesses", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_pages_document", "pages", ["document"], if_not_exists=True)
    op.create_table(
        "perceptual_hashes",
        sa.Column("page", sa.BigInteger, primary_key=True, autoincrement=False),
        _document(),
        sa.Column("hash", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_perceptual_hashes_document", "perceptual_hashes", ["document"], if_not_exists=True)


def _make_rows() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_index("segments_by_name", "segments", ["store", "name"], unique=True, if_not_exists=True)
    op.create_table(
        "runs",
        sa.Column("segment", sa.Integer, sa.ForeignKey("segments.id"), primary_key=True),
        sa.Column("start", sa.Integer, primary_key=True),
        sa.Column("rows", sa.Integer, nullable=False),
        _document(),
        if_not_exists=True,
    )
    op.create_index("ix_runs_document", "runs", ["document"], if_not_exists=True)


def _document() -> sa.Column[int]:
    return sa.Column("document", sa.BigInteger, sa.ForeignKey("documents.key"), nullable=False)
