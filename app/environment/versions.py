"""MODEL_VERSIONS: the releases that are served side by side."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v[0-9]+\.[0-9]+")


def wrong_versions(versions: tuple[str, ...], *, default: str) -> list[str]:
    """The faults of MODEL_VERSIONS; `default` is MODEL_VERSION where that is set too, else empty."""
    shown = f"MODEL_VERSIONS={','.join(versions)}"
    problems = [
        f"{shown} names {version or 'an empty one'}, expected versions like v1.0,v2.0"
        for version in versions
        if not _VERSION.fullmatch(version)
    ]
    twice = [version for version in dict.fromkeys(versions) if versions.count(version) > 1]
    problems += [f"{shown} names {version} twice, expected each version once" for version in twice if version]
    if default and default != versions[0]:
        problems.append(f"MODEL_VERSION={default} and {shown}, expected the same default: the first of the list")
    return problems
