"""`pixelwise verify`: artefact, card, code, golden set and signature side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from app.cli.terminal import Asked, JsonOption, print_json, say, show
from app.cli.verify_in_child import run_alone
from app.errors import PixelWiseError
from app.settings import read_settings
from app.verify.refusals import ContractBroken, RosterMismatch


def verify(
    version: Annotated[
        str | None, typer.Argument(help="The pulled release, such as v2.0; without it, the default.")
    ] = None,
    json: JsonOption = False,
    mnist: Annotated[bool, typer.Option("--mnist", help="Measure the accuracy on MNIST's test file too.")] = False,
) -> None:
    """Hold artefact, card, code and golden set against each other, and say who signed; exit code 4 when they
    disagree."""
    from app.release.models_folder import artefact_of
    from app.release.sources.source import check_version
    from app.verify.checks import refuse_differences

    settings = read_settings()
    if version is not None:
        check_version(version)
    if version is not None and version != settings.model_version:
        options = [option for option, is_set in (("--json", json), ("--mnist", mnist)) if is_set]
        path = artefact_of(settings.models, version)
        raise typer.Exit(run_alone(version, "verify", *options, root=settings.root, path=path))
    try:
        from app.classifier import MODEL
    except (RosterMismatch, ContractBroken) as error:
        _refuse_checks(error.checks, error)
    from app.verify.accuracy import check_on_mnist, check_recorded, measure

    checks = [check for check in MODEL.checks if check.name != "recorded answers" or MODEL.recorded is None]
    if not settings.require_signature:
        from app.release.models_folder import read_through
        from app.verify.check_signer import check_signer

        checks.append(
            read_through(MODEL.path.parent, lambda folder: check_signer(settings.trust, folder, settings.lock_file))
        )
    if MODEL.recorded is not None:
        checks += check_recorded(MODEL.recorded, MODEL.scorer)
    if mnist:
        from app.model.mnist import read_mnist_test

        images, labels = read_mnist_test(settings.mnist_dir)
        checks.append(check_on_mnist(measure(MODEL.scorer, images, labels), MODEL.card))
    version, classes = MODEL.version, MODEL.scorer.classes
    try:
        refuse_differences(MODEL.path.name, checks)
    except ContractBroken as error:
        _refuse_checks(checks, error, version=version, classes=classes)
    _show_checks(checks, version=version, classes=classes)


def _refuse_checks(checks: Sequence[Any], error: PixelWiseError, **of_model: Any) -> NoReturn:
    """Shows the refusal, with all comparisons made."""
    _show_checks(checks, error=error, **of_model)
    say(str(error))
    sys.exit(error.exit_code)


def _show_checks(
    checks: Sequence[Any],
    *,
    version: str | None = None,
    classes: tuple[str, ...] | None = None,
    error: PixelWiseError | None = None,
) -> None:
    """Shows the checks; `version` and `classes` are those of the model, if it was opened."""
    from app.cli.layout import checks_report

    if Asked.json:
        listed = [check._asdict() for check in checks]
        shown = {"version": version, "classes": classes, "agree": error is None, "checks": listed}
        print_json(shown if error is None else {**shown, "error": error.parts})
        return
    show(checks_report(checks))
