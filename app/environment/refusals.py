"""Refusals of settings."""

from __future__ import annotations

from app.errors import ConfigurationError


class BadSettings(ConfigurationError):
    """One or more settings with invalid values; all are named at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "settings",
            found="; ".join(problems),
            expected="the values described in .env.example",
            remedy="Edit .env or the environment; .env.example describes every setting.",
        )

    @property
    def sentence(self) -> str:
        """The message without its remedy: each problem names its own expectation."""
        return f"{self.subject}: {self.found}."
