"""Servers and spaces as in the integration tests."""

from tests.integration.conftest import apache, servers, space

__all__ = ["apache", "servers", "space"]
