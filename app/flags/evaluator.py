"""Decisions for each request: which version answers, and what the caller is shown and may do."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason

from app.flags.file_watcher import NO_RULES, WatchedFile
from app.flags.provider import FileProvider, evaluator
from app.flags.schema import (
    COMPARE_VERSIONS,
    KEEP_DRAWINGS,
    MODEL_VERSION,
    SHADOW_VERSIONS,
    SHOW_CORRECTION,
    Rules,
    listed_versions,
)

NOT_SERVED = "NOT_SERVED"
"""Our own cause of an error: a flag names a version that is not served. The other causes are OpenFeature's codes."""
REMEMBERED = 4096
"""Most contexts for which the outcome of a flag is remembered."""

_domains = (f"pixelwise-{number}" for number in itertools.count())
_log = logging.getLogger("pixelwise.flags")


class Context(NamedTuple):
    """The caller.

    Attributes:
        visitor: the same throughout a visit, or for a program; never empty. Shares are decided by it.
        key: the name of the API key; None for the page.
        route: such as "/classify".
    """

    visitor: str
    key: str | None
    route: str


class Decision(NamedTuple):
    """The version that answers, and the reason for it. flag, variant and reason are None where there is no such flag.

    Attributes:
        variant: None also where none was chosen: the flag is DISABLED, has no default, or could not be evaluated.
        reason: OpenFeature's: STATIC, TARGETING_MATCH (of a share too), DEFAULT (no rule matched), DISABLED; or ERROR:
            the flag's value cannot be used, so the default version answers.
    """

    version: str
    flag: str | None
    variant: str | None
    reason: str | None


class _Given(NamedTuple):
    """A flag's outcome: a decision, or a value if it has one; and the failure, if any."""

    decision: Decision | None
    value: bool | None
    cause: str | None


class _Holding:
    """The rules in force, their outcomes so far, and the complaints already logged."""

    def __init__(self, rules: Rules, shadows: tuple[str, ...]) -> None:
        self.by_the_clock, self.shadows = rules.by_the_clock, shadows
        self.given: dict[str, dict[Context, _Given]] = {name: {} for name in rules.document["flags"]}
        self.said: set[tuple[str, str]] = set()


class Flags:
    """The flags of one file, for a service of these versions.

    A request costs at most two evaluations, `choose` and one of `keep_drawings` and `compare_versions`; the page's own
    display needs `show_correction`, and `shadows` costs none. Any method may be called on any thread: a remembered
    outcome costs one dictionary look-up; evaluating, remembering and replacing the rules happen under one lock, so that
    an outcome of one file's rules is never taken for another's. A file is read outside that lock.

    Args:
        file: may be missing: then nothing is flagged.
        versions: the served ones.
        default: the one of them that answers where no flag says otherwise.
    """

    def __init__(self, file: Path, *, versions: Sequence[str], default: str) -> None:
        self._versions, self._default = tuple(versions), default
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._errors: Counter[tuple[str, str]] = Counter()
        self._unflagged = Decision(default, None, None, None)
        self._provider = FileProvider(evaluator(NO_RULES.document))
        domain = next(_domains)
        api.set_provider_and_wait(self._provider, domain)
        self._client = api.get_client(domain)
        self._holding = _Holding(NO_RULES, self._versions)
        self._file = WatchedFile(file)
        self.reload()

    @property
    def problem(self) -> str | None:
        """The fault of the file as it is now, in words. Meanwhile the last good flags hold; at the start, none."""
        return self._file.problem

    @property
    def errors(self) -> Mapping[tuple[str, str], int]:
        """(flag, cause) -> how often the flag's value could not be used, in answers; for shadow-versions, in files.

        Causes are NOT_SERVED and OpenFeature's error codes: GENERAL, PARSE_ERROR, TYPE_MISMATCH and a few more.
        """
        with self._lock:
            return dict(self._errors)

    def reload(self) -> bool:
        """Reloads the file if it has changed; True if different flags hold now. To be called about once a second.

        Not to be called on the event loop: it reads a file, and may wait a twentieth of a second if that is missing.
        """
        with self._reading:
            rules = self._file.news()
            if rules is not None:
                self._put_in(rules)
            return rules is not None

    # -- what a request asks -------------------------------------------------------------------------------------------

    def choose(self, context: Context) -> Decision:
        """The version that answers."""
        given = self._given(MODEL_VERSION, context)
        return given.decision if given is not None and given.decision is not None else self._unflagged

    def keep_drawings(self, context: Context, default: bool) -> bool:
        """True if the drawing is stored with its answer; `default` where no flag decides."""
        return self._is_on(KEEP_DRAWINGS, context, default)

    def show_correction(self, context: Context, default: bool = True) -> bool:
        """True if people are shown the correction; `default` where no flag decides."""
        return self._is_on(SHOW_CORRECTION, context, default)

    def compare_versions(self, context: Context, default: bool = True) -> bool:
        """True if a visit may see what every served version reads; `default` where no flag decides."""
        return self._is_on(COMPARE_VERSIONS, context, default)

    def shadows(self, answering: str) -> tuple[str, ...]:
        """The versions that also read a drawing which `answering` answers: all others, where no flag decides."""
        return tuple(version for version in self._holding.shadows if version != answering)

    def _is_on(self, flag: str, context: Context, default: bool) -> bool:
        given = self._given(flag, context)
        return default if given is None or given.value is None else given.value

    def _given(self, flag: str, context: Context) -> _Given | None:
        """The flag's outcome in this context; None if there is no such flag."""
        of_flag = self._holding.given.get(flag)
        if of_flag is None:
            return None
        given = of_flag.get(context)
        if given is not None and given.cause is None:
            return given
        with self._lock:
            return self._decide(self._holding, flag, context)  # subtle: by now, other rules may hold

    # -- under the lock ------------------------------------------------------------------------------------------------

    def _decide(self, holding: _Holding, flag: str, context: Context) -> _Given | None:
        of_flag = holding.given.get(flag)
        if of_flag is None:
            return None
        given = of_flag.get(context)
        if given is None:
            given = self._evaluate(flag, context)
            if flag not in holding.by_the_clock:
                if len(of_flag) >= REMEMBERED:
                    del of_flag[next(iter(of_flag))]  # the oldest
                of_flag[context] = given
        if given.cause is not None:
            self._count(holding, flag, given.cause)
        return given

    def _evaluate(self, flag: str, context: Context) -> _Given:
        attributes = {"route": context.route} if context.key is None else {"route": context.route, "key": context.key}
        asked = EvaluationContext(context.visitor, attributes)
        if flag != MODEL_VERSION:
            said = self._client.get_boolean_details(flag, False, asked)
            return _Given(None, None if said.variant is None else said.value, _cause(said))
        chosen = self._client.get_string_details(flag, self._default, asked)
        cause = _cause(chosen)
        if cause is None and chosen.value not in self._versions:
            cause = NOT_SERVED
        version, reason = (chosen.value, chosen.reason) if cause is None else (self._default, Reason.ERROR)
        return _Given(Decision(version, flag, chosen.variant, str(reason)), None, cause)

    def _put_in(self, rules: Rules) -> None:
        core = evaluator(rules.document)
        with self._lock:
            self._provider.core = core
            shadows, cause = self._shadows() if SHADOW_VERSIONS in rules.document["flags"] else (self._versions, None)
            self._holding = _Holding(rules, shadows)
            if cause is not None:
                self._count(self._holding, SHADOW_VERSIONS, cause)

    def _shadows(self) -> tuple[tuple[str, ...], str | None]:
        """The served versions that are to read along; and the failure, if any."""
        said = self._client.get_string_details(SHADOW_VERSIONS, "")
        if said.variant is None:
            return self._versions, _cause(said)
        wanted = listed_versions(said.value)
        served = tuple(version for version in wanted if version in self._versions)
        return served, None if served == wanted else NOT_SERVED

    def _count(self, holding: _Holding, flag: str, cause: str) -> None:
        self._errors[flag, cause] += 1
        if (flag, cause) not in holding.said:
            holding.said.add((flag, cause))
            _log.error("flag %s cannot be used for some: %s; they get the default", flag, cause)


def _cause(said: FlagEvaluationDetails[bool] | FlagEvaluationDetails[str]) -> str | None:
    return None if said.error_code is None else said.error_code.value
