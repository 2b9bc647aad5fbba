"""Judged photos: JSON lines with the labels that each photo has, or with captions whose words are the labels."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.core.labels import LabelCriterion
from pagelens.evals.datasets.line_reader import Faults, read_json_lines
from pagelens.index.lexical.folding import fold

IRREGULAR = {"man": "men", "woman": "women", "child": "children", "person": "people", "mouse": "mice", "goose": "geese"}

Judgements = Mapping[str, frozenset[str]]
"""Photo -> folded names of the labels that it has."""


def read_judged_photos(path: Path, rules: Sequence[LabelCriterion]) -> dict[str, frozenset[str]]:
    """Return the judgements for these rules.

    A line is {"photo", "labels": [...]}, or {"photo", "captions": [...]}: then a photo has a label if a caption holds
    its name or the plural. Raises UsageError for malformed lines, and where no photo is judged.
    """
    faults = Faults()
    judged: dict[str, frozenset[str]] = {}
    for line, row in read_json_lines(path, faults):
        photo, labels = row.get("photo"), _labels(row, rules)
        if not isinstance(photo, str) or not photo or labels is None:
            faults.add(path, line, 'an object with "photo" and "labels" or "captions"', str(row)[:80])
        else:
            judged[photo] = judged.get(photo, frozenset()) | labels
    faults.raise_any()
    if not judged:
        raise UsageError(f"expected at least one judged photo in {path}, found none")
    return judged


def holds_name(caption: str, name: str) -> bool:
    """Return whether a caption holds a name as a whole word, or its plural; case and accents do not matter."""
    return bool(_pattern(fold(name)).search(fold(caption)))


def _labels(row: Mapping[str, Any], rules: Sequence[LabelCriterion]) -> frozenset[str] | None:
    labels, captions = row.get("labels"), row.get("captions")
    if isinstance(labels, list):
        return frozenset(fold(str(label)) for label in labels)
    if not isinstance(captions, list):
        return None
    text = fold("\n".join(map(str, captions)))
    return frozenset(fold(rule.name) for rule in rules if _pattern(fold(rule.name)).search(text))


def _pattern(name: str) -> re.Pattern[str]:
    plurals = [IRREGULAR[name]] if name in IRREGULAR else [f"{name}s", f"{name}es", f"{name.removesuffix('y')}ies"]
    forms = sorted({re.escape(form) for form in (name, *plurals)}, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(forms)})\b")
