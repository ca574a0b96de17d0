"""The command `pixelwise`: one file for each command, and their common parts."""


def main() -> None:
    """Runs the command; every installation's `.venv/bin/pixelwise` calls it by this name."""
    from app.cli.program import main as run

    run()
