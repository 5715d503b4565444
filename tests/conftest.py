"""Fixtures for all tests."""

pytest_plugins = ["tests.databases", "tests.object_stores", "tests.option_uses"]
