"""The recipe that brought a drawing to 28x28, and the certainty of an answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds columns; existing rows were drawn with the first recipe, and have no measured certainty."""
    op.add_column("results", sa.Column("recipe", sa.SmallInteger))
    op.add_column("results", sa.Column("certainty", sa.Float(53)))
    op.add_column("shadows", sa.Column("certainty", sa.Float(53)))
    op.execute("UPDATE results SET recipe = 1")
