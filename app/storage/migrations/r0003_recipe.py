"""The recipe that brought a drawing to 28x28, and how sure an answer is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds columns; what is there was drawn by the first recipe, and nobody measured how sure it is."""
    op.add_column("results", sa.Column("recipe", sa.SmallInteger))
    op.add_column("results", sa.Column("certainty", sa.Float(53)))
    op.add_column("shadows", sa.Column("certainty", sa.Float(53)))
    op.execute("UPDATE results SET recipe = 1")
