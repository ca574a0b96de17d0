"""A group of commands of which one is meant where none is named: `pixelwise score FILE`, `pixelwise score diff`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

DEFAULT = "run"


class WithDefault(TyperGroup):
    """A group whose command `run` is meant where the first word is no command of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the group's own, with the default put in front."""
        is_named = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if is_named or not args else [DEFAULT, *args])
