"""Fixtures for all tests."""

pytest_plugins = [
    "tests.databases",
    "tests.experience_cloud_statements",
    "tests.object_stores",
    "tests.option_uses",
    "tests.secrecy",
]
