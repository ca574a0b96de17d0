"""OpenFeature's provider around flagd's own evaluator: in process, without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import GeneralError, OpenFeatureError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from app.flags.schema import Document

Value = TypeVar("Value")
Resolve = Callable[[str, Value, EvaluationContext | None], FlagResolutionDetails[Value]]
Object = Sequence[FlagValueType] | Mapping[str, FlagValueType]


def evaluator(document: Document) -> FlagdCore:
    """flagd's evaluator of these flags. It never changes: new flags are a new evaluator."""
    core = FlagdCore()
    core.set_flags({"flags": {name: dict(flag) for name, flag in document["flags"].items()}})  # modified inside
    return core


class FileProvider(AbstractProvider):
    """Resolves flags with the evaluator that was set last."""

    def __init__(self, core: FlagdCore) -> None:
        super().__init__()
        self.core = core

    def get_metadata(self) -> Metadata:
        return Metadata(name="flag file")

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        return _resolve(self.core.resolve_boolean_value, flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        return _resolve(self.core.resolve_string_value, flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        return _resolve(self.core.resolve_integer_value, flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        return _resolve(self.core.resolve_float_value, flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self, flag_key: str, default_value: Object, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[Object]:
        return _resolve(self.core.resolve_object_value, flag_key, default_value, evaluation_context)


def _resolve(
    resolve: Resolve[Value], flag: str, default: Value, context: EvaluationContext | None
) -> FlagResolutionDetails[Value]:
    try:
        return resolve(flag, default, context)
    except OpenFeatureError:
        raise
    except Exception as error:  # a rule may fail in any way; the client would log each failure
        raise GeneralError(f"{type(error).__name__}: {error}") from error
