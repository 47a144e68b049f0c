"""Every test of a part opens its stores quickly."""

from tests.ready_stores import ready_stores  # noqa: F401 - a fixture
