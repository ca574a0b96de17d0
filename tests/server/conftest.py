"""The fixtures of the service's tests, for those of its parts."""

from tests.web.conftest import inside, make, several

__all__ = ["inside", "make", "several"]
