"""What alembic runs for each command: the revisions, on the connection it was given."""

from alembic import context

from engine.state.sqlstore import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
