"""Fixtures for all tests."""

pytest_plugins = ["tests.databases", "tests.experience_cloud_statements", "tests.option_uses"]
