"""The fixtures of the tests of releases, for those of what is made of them."""

from tests.release.conftest import environment, house, remote, shop, v1

__all__ = ["environment", "house", "remote", "shop", "v1"]
