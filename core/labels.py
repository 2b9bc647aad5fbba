"""Label sets: the classes and policies that photos and page images are sorted by; read from text and JSON files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pagelens.core.errors import UsageError

FLAGGED = "flagged:"
"""Begins the label of a page that a policy flags."""

DEFAULT_THRESHOLD = 0.5  # of a probability; at most one class of a set reaches it
MAX_RULES, MAX_DESCRIPTIONS, MAX_CHARACTERS = 10_000, 1_000, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCriterion:
    """A class, or a policy: what it looks like in words, and from which probability a page gets its label."""

    name: str
    positive: Sequence[str]
    negative: Sequence[str] = ()  # of a policy: what it must not be confused with
    threshold: float = DEFAULT_THRESHOLD
    policy: bool = False  # its label is "flagged:NAME", and it is decided apart from all other rules

    @property
    def label(self) -> str:
        """The label that pages get."""
        return f"{FLAGGED}{self.name}" if self.policy else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """Rules that are applied together, under a name; a later set of the same name replaces it."""

    name: str
    rules: Sequence[LabelCriterion]
    fitted_to: str = ""  # space and kind of the vectors that the thresholds were fitted on; "": not fitted

    def as_json(self) -> dict[str, Any]:
        """Return what `parse_label_set` reads."""
        rules = [
            {
                "name": rule.name,
                "positive": list(rule.positive),
                "negative": list(rule.negative),
                "threshold": rule.threshold,
                "policy": rule.policy,
            }
            for rule in self.rules
        ]
        return {"name": self.name, "labels": rules} | ({"fitted_to": self.fitted_to} if self.fitted_to else {})


class PageLabel(NamedTuple):
    """A label that a model assigned to a page, and how probable the model holds it."""

    label: str
    probability: float
    label_set: str  # name of the set
    approximate: bool = False  # by the builtin image encoder, which knows 1,000 kinds of things


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLabelSet:
    """A label set that was applied to a collection."""

    id: str  # of the rules, the examples and the model together
    name: str
    model: str  # space of the vectors, in words
    approximate: bool  # the builtin image encoder's
    rules: Mapping[str, Any]  # `LabelSet.as_json`, or a description of the examples


def label_set_id(rules: Mapping[str, Any], space: str) -> str:
    """Return 12 hex digits that change with the rules or with the space of the vectors."""
    text = json.dumps(rules, sort_keys=True, ensure_ascii=False) + "\n" + space
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_label_set(path: Path) -> LabelSet:
    """Return the label set in a file: a class a line, or JSON (`parse_label_set`). Raises UsageError."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"expected a text or JSON file of labels at {path}, found: {exc}") from exc
    if path.suffix.lower() == ".json":
        try:
            return parse_label_set(json.loads(text), name=path.stem)
        except (ValueError, RecursionError) as exc:
            raise UsageError(f"expected JSON in {path}, found: {exc}") from exc
    lines = [" ".join(line.split()) for line in text.splitlines()]
    names = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
    return _checked(LabelSet(name=path.stem, rules=[_rule(name, policy=False) for name in names]))


def parse_label_set(data: object, *, name: str) -> LabelSet:
    """Return the label set of JSON values. Raises UsageError.

    One policy {"name", "positive", "negative", "threshold"}, a list of policies, or {"name", "labels": [...]} with a
    class as a string or as an object like a policy; "policy": true or negative descriptions make a policy of it.
    """
    if isinstance(data, Mapping) and "labels" in data:
        name = str(data.get("name") or name)
        items, is_policy = data["labels"], False
    else:
        items, is_policy = (data if isinstance(data, list) else [data]), True
    if not isinstance(items, list):
        raise UsageError(f'expected a list as "labels", found {type(items).__name__}')
    fitted_to = str(data.get("fitted_to", "")) if isinstance(data, Mapping) else ""
    return _checked(LabelSet(name=name, rules=[_rule(item, policy=is_policy) for item in items], fitted_to=fitted_to))


_KEYS = {"name", "positive", "negative", "threshold", "policy"}


def _rule(item: object, *, policy: bool) -> LabelCriterion:
    if isinstance(item, str):
        item = {"name": item, "policy": False}
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"].strip():
        raise UsageError(f'expected a label as a text or as an object with a "name", found {_shortened(item)}')
    name = " ".join(item["name"].split())
    if unknown := sorted(set(map(str, item)) - _KEYS):
        raise UsageError(f"expected only {', '.join(sorted(_KEYS))} in the label {name!r}, found {', '.join(unknown)}")
    threshold = item.get("threshold", DEFAULT_THRESHOLD)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise UsageError(f"expected a threshold from 0 to 1 in the label {name!r}, found {_shortened(threshold)}")
    negative = _descriptions(item, "negative", name)
    return LabelCriterion(
        name=name,
        positive=_descriptions(item, "positive", name) or (name,),
        negative=negative,
        threshold=float(threshold),
        policy=bool(item.get("policy", policy or bool(negative))),
    )


def _descriptions(item: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
    found = item.get(key) or ()
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise UsageError(f"expected texts as {key} descriptions of {name!r}, found {_shortened(found)}")
    return tuple(texts)


def _checked(labels: LabelSet) -> LabelSet:
    """Return the set. Raises UsageError where it is empty, too large, or has a label twice."""
    if not 1 <= len(labels.rules) <= MAX_RULES:
        raise UsageError(f"expected 1 to {MAX_RULES:,} labels, found {len(labels.rules):,}")
    seen: set[str] = set()
    for rule in labels.rules:
        texts = [rule.name, *rule.positive, *rule.negative]
        if len(texts) > MAX_DESCRIPTIONS or max(map(len, texts)) > MAX_CHARACTERS:
            raise UsageError(
                f"expected at most {MAX_DESCRIPTIONS:,} descriptions of at most {MAX_CHARACTERS} characters for a "
                f"label, found more or longer ones for {rule.name[:40]!r}"
            )
        if rule.label.casefold() in seen:
            raise UsageError(f"expected each label once, found {rule.name!r} twice")
        if not rule.policy and rule.label.casefold().startswith(FLAGGED):
            raise UsageError(
                f"expected no label that begins with {FLAGGED!r}, found {rule.name!r}: policies make these"
            )
        seen.add(rule.label.casefold())
    return labels


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
