"""How much of a file is read."""

MOST_CHARACTERS = 4_000_000
