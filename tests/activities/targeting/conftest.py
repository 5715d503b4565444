"""Targeting needs no lists."""

from tests.contract.fixtures import bare_world as world  # noqa: F401
