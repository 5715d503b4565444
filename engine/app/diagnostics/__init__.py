"""Diagnostics as people and machines read them. Importing this costs nothing."""
