"""Plain YAML of strangers: mappings, lists and scalars, and nothing that could build an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from app.errors import PixelWiseError, only_refusals

MAX_DEPTH = 20


def read_plain_yaml(text: str, refuse: Callable[[str, str], PixelWiseError]) -> object:
    """The contents of a document. Anchors, aliases, tags, deep nesting and duplicate keys are refused.

    Args:
        refuse: makes the refusal from what was found and what was expected.
    """
    depth = 0
    with only_refusals(lambda said: refuse(f"YAML that cannot be read: {said}", "plain YAML")):
        # Events come from a parser that does not recurse, so depth is bounded before anything is built.
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise refuse("a YAML anchor or alias", "plain YAML")
            if (tag := getattr(event, "tag", None)) is not None:
                raise refuse(f"the YAML tag {tag[:80]}", "plain YAML")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise refuse("YAML nested too deeply", f"at most {MAX_DEPTH} levels")
        document: object = yaml.load(text, Loader=_UniqueKeys)
    return document


class _UniqueKeys(yaml.CSafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key that is no text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping
