"""An installation's models and lock, opened in this process."""

from __future__ import annotations

from app.verify.checks import Code
from app.verify.open_model import Model, ModelChoice, open_model
from tests.installation import Installation

NINE, TEN = tuple("123456789"), tuple("0123456789")
V1 = "digit_classifier_v1.pkl"


class Shop(Installation):
    """A folder of releases, and the files beside it."""

    def open(
        self, path: str | None = None, *, version="v1.0", classes=NINE, require_lock=False, is_default=False
    ) -> Model:
        named = self.root / path if path else None
        source = ModelChoice(version, named, self.models, self.root / "model.lock", require_lock, is_default)
        return open_model(source, Code(classes))

    def rewrite(self, path: str, data: bytes) -> None:
        (self.root / path).unlink(missing_ok=True)
        (self.root / path).write_bytes(data)
