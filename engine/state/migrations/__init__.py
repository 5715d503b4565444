"""The tables of `engine.state.sqlstore`, from their first shape to the present one.

A revision is a module of `versions`, named by its number. Whoever adds one raises `sqlstore.HEAD`.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def upgrade(connection: sa.Connection) -> None:
    """Bring the tables to the newest revision, inside the transaction that the caller opened."""
    command.upgrade(config(connection), "head")


def config(connection: sa.Connection | None = None) -> Config:
    """Give what alembic reads from an ini file elsewhere."""
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings
