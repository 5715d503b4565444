"""The facts of runs, and an index of the runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "facts",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("workflow", sa.Text),
        sa.Column("started_at", sa.Text, nullable=False),
    )
    op.create_index("runs_by_workflow", "runs", ["workflow", "started_at", "run"])
    op.create_index("runs_by_start", "runs", ["started_at", "run"])
