"""How much of a file is read."""

MOST_CHARACTERS = 4_000_000

MOST_ACTIVITIES = 10_000
"""Of one workflow: more of them take longer to read than anybody waits."""

MOST_READ_CHARACTERS = 300_000
"""Of expressions and templates in one file, each with what it takes to begin with: reading them is what takes time."""
