"""`python -m engine` is `audienceflow`."""

from engine.app.cli import main

main()
