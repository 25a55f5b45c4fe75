"""Spaces as in the integration tests."""

from tests.integration.conftest import space

__all__ = ["space"]
