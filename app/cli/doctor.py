"""`pixelwise doctor`: every check of this installation."""

from __future__ import annotations

import typer

from app.cli.terminal import JsonOption, print_json, show


def doctor(json: JsonOption = False) -> None:
    """Check this installation; every fault with the line that mends it."""
    from app.cli.diagnosis import diagnose, symptoms_table

    symptoms = diagnose()
    if json:
        print_json({"healthy": all(symptom.healthy for symptom in symptoms), "checks": symptoms})
    else:
        show(symptoms_table(symptoms))
    worst = [symptom.exit_code for symptom in symptoms if not symptom.healthy]
    if worst:
        raise typer.Exit(worst[0])
