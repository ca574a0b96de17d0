"""Several versions: the choice of one, the readings of the others, and labels given by people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds columns, all null in the rows that are there, and two tables."""
    for column in (
        sa.Column("waited_ms", sa.Float(53)),
        sa.Column("computed_ms", sa.Float(53)),
        sa.Column("owner", sa.String(32)),
        sa.Column("flag", sa.String(100)),
        sa.Column("variant", sa.String(100)),
        sa.Column("reason", sa.String(100)),
        sa.Column("asked", sa.Boolean),
    ):
        op.add_column("results", column)
    op.create_table(
        "shadows",
        sa.Column("result_id", sa.Uuid, primary_key=True),
        sa.Column("model_version", sa.String, primary_key=True),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prediction", sa.String, nullable=False),
        sa.Column("confidence", sa.Float(53), nullable=False),
        sa.Column("scores", sa.JSON, nullable=False),
    )
    op.create_table(
        "labels",
        sa.Column("result_id", sa.Uuid, primary_key=True),
        sa.Column("label", sa.String(8)),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
