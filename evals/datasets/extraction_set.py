"""Data sets of values: documents, the schema they are read by, and what they say.

A line is `{"document": "invoice.pdf", "schema": "invoice", "values": {...}}`; `schema` is the name of one that comes
with PageLens, or a JSON Schema; `groups`, if given, are names and values to report by. `pagelens review export` writes
such a file from what people corrected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.evals.datasets.line_reader import Faults, read_json_lines
from pagelens.generate.extraction.schemas import read_schema
from pagelens.generate.extraction.shipped_schemas import SHIPPED_SCHEMAS, shipped_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedValues:
    """A document's values. A field that is not named is not measured; null says that the document has none."""

    document: str  # path or unique file name
    schema: Mapping[str, Any]
    values: Mapping[str, Any]
    groups: Mapping[str, str] = field(default_factory=dict)


def read_extraction_set(path: Path) -> Sequence[ExpectedValues]:
    """Return the documents of a data set. Raises UsageError with all faults of the file."""
    faults = Faults()
    examples: list[ExpectedValues] = []
    for number, line in read_json_lines(path, faults):
        expected = '{"document": ..., "schema": ..., "values": {...}}'
        name, values, groups = line.get("document"), line.get("values"), line.get("groups", {})
        if not (isinstance(name, str) and isinstance(values, dict) and isinstance(groups, dict)):
            faults.add(path, number, expected, line)
            continue
        try:
            schema = line.get("schema")
            schema = shipped_schema(schema) if isinstance(schema, str) else read_schema(schema)
        except UsageError:
            faults.add(path, number, f"a JSON Schema or one of {', '.join(SHIPPED_SCHEMAS)}", line.get("schema"))
            continue
        kept = {str(key): str(value) for key, value in groups.items()}
        examples.append(ExpectedValues(document=name, schema=schema, values=values, groups=kept))
    if not examples and not faults:
        faults.add(path, 0, "one line a document", "")
    faults.raise_any()
    return examples
