"""Replay of evidence bundles: the question asked again of the collection as it was, and what differs then.

The pages found, their order, and every byte of the citations must be the same. A model's answer is not asked for again:
of such a bundle the pages that the model was shown are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.bundle import Bundle, QuestionOptions, make_bundle
from pagelens.api.engine.evidence.filters_json import filters_from_json
from pagelens.api.engine.language_models import EXTRACTIVE
from pagelens.core.errors import UsageError

_NOT_COMPARED = ("name", "by", "notes")
"""Names of files (a server shows those that uploads had), the program's version, and notes, which also say which files
are gone today."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found."""

    commit: int
    same_pages: bool  # that were found, in this order
    same_evidence: bool | None  # answer and citations, byte for byte; None where a model answered
    differences: Sequence[str]  # in words

    @property
    def holds(self) -> bool:
        """Whether all that was compared is the same."""
        return self.same_pages and self.same_evidence is not False


def replay(engine: Engine, bundle: Bundle) -> Replay:
    """Ask a bundle's question again as of its commit, with the options that it names.

    `engine` answers without a model. Raises UsageError where the bundle does not say how it was asked (a picture, a
    conversation, an older version); NotFound where the history does not reach its commit.
    """
    given, commit = bundle.get("options"), bundle["collection"]["commit"]
    if given is None or commit is None:
        raise UsageError(
            "expected a bundle that says how it was asked, found one of an older version, or of a question with a "
            "picture or a conversation: it cannot be replayed."
        )
    if bundle["collection"]["created"] != engine.manifest.created:
        raise UsageError(
            f"expected the collection of the bundle, created {bundle['collection']['created']}, found one created "
            f"{engine.manifest.created}"
        )
    options = QuestionOptions(**{**given, "filters": filters_from_json(given["filters"])})
    past = engine.as_of(str(commit))
    answer = past.ask(
        bundle["question"],
        k=options.k,
        filters=options.filters,
        spelling=options.spelling,
        depth=options.depth,
        across=options.across,
    )
    again = make_bundle(past, answer, options=options)
    same_pages = again["context"] == bundle["context"]
    differences = [] if same_pages else ["other pages are found, or in another order"]
    same_evidence = None
    if bundle["models"]["answer"] == EXTRACTIVE:
        parts = [part for part in ("answer", "sentences", "citations") if _bare(again[part]) != _bare(bundle[part])]
        same_evidence = not parts
        differences += [f"another value of {part}" for part in parts]
    if differences and again["made_by"] != bundle["made_by"]:
        versions = (made["made_by"]["version"] for made in (bundle, again))
        differences.append("the bundle was made by version {}, the replay by {}".format(*versions))
    return Replay(commit, same_pages, same_evidence, differences)


def _bare(value: Any) -> Any:
    """Return a part of a bundle without what is not compared."""
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items() if key not in _NOT_COMPARED}
    return [_bare(item) for item in value] if isinstance(value, list) else value
