"""Labelling: photos and page images of a collection get labels by their stored vectors; nothing is encoded again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.api.engine.embedding import BuiltinImageEmbedder, Embedder, ImageEmbedder
from pagelens.api.engine.indexing import RenderImage
from pagelens.api.engine.query_image import read_image
from pagelens.api.engine.results import FailedFile
from pagelens.core.errors import UsageError
from pagelens.core.keys import MAX_PASSAGES, document_of, number_of, page_of
from pagelens.core.labels import LabelCriterion, LabelSet, PageLabel, StoredLabelSet, label_set_id
from pagelens.core.protocols import LabelEncoder, PixelEncoder
from pagelens.core.types import PageRef
from pagelens.encode.image.example_classes import ExampleClassifier, fit_examples
from pagelens.encode.image.zero_shot import RuleProbabilities, ZeroShotClassifier
from pagelens.encode.loading import BUILTIN
from pagelens.index.catalog.label_rows import label_matches
from pagelens.index.lexical.folding import fold
from pagelens.index.reader import Snapshot

NO_LABEL = ("none", "none of these")  # folders of examples that get no label
IMAGES_PER_BATCH = 32  # examples in memory at once
ROWS_PER_BLOCK = 8_192  # vectors compared at once
MAX_LABELS = 50  # of one page in one label set: the most probable ones

Assigned = dict[int, list[tuple[str, float]]]
"""Page key -> labels with their probabilities, the most probable first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReport:
    """What labelling did."""

    label_set: str
    id: str
    model: str
    approximate: bool  # the builtin image encoder knows 1,000 kinds of things only
    method: str  # zero-shot, nearest class mean, or linear probe
    pages: int  # with a vector: those that were compared
    without_vector: int  # pages that have none
    labels: Mapping[str, int]  # every label of the set -> pages that have it now
    unlabelled: int  # of `pages`, those that no label fits
    failed_examples: Sequence[FailedFile] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page with one of its labels."""

    ref: PageRef
    label: PageLabel


@dataclass(frozen=True, slots=True)
class LabelSetStatus:
    """A label set of a collection, and how many pages have each of its labels."""

    label_set: StoredLabelSet
    pages: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Labelling:
    """The labels of a label set for all pages of a snapshot, and the report of them."""

    label_set: StoredLabelSet
    assigned: Assigned
    report: LabelReport


@dataclass(frozen=True, slots=True, eq=False)
class LabelProbabilities:
    """The probability of each rule of a label set for each page with an image vector."""

    refs: Sequence[PageRef]
    values: NDArray[np.float32]  # (n_pages, n_rules)
    space: str  # fingerprint of the vectors' space


@dataclass(slots=True)
class ExampleImages:
    """Example images in one folder a class, encoded."""

    vectors: dict[str, NDArray[np.float32]]  # class -> (n, dim)
    failed: list[FailedFile] = field(default_factory=list)


def label_encoder(embedder: Embedder) -> LabelEncoder:
    """Return the encoder of the `image` lane. Raises UsageError for a lane whose encoder takes no texts."""
    if not isinstance(embedder, ImageEmbedder | BuiltinImageEmbedder):
        raise UsageError("expected an image lane whose model compares pictures with texts, found another kind")
    return embedder.encoder


def label_by_words(snapshot: Snapshot, encoder: LabelEncoder, labels: LabelSet) -> Labelling:
    """Return the labels of every page with a vector in the `image` lane. Raises UsageError without such a lane."""
    lane = _require_lane(snapshot, encoder)
    classifier = ZeroShotClassifier(encoder, labels.rules)
    assigned = _assign(snapshot, lane, classifier.probabilities)
    notes = []
    space = encoder.space.fingerprint
    if labels.fitted_to not in ("", space):
        notes.append("the thresholds were fitted with another model: fit them again with pagelens eval labels")
    return _labelling(
        snapshot,
        lane,
        assigned,
        name=labels.name,
        rules=labels.as_json(),
        method="zero-shot",
        labels=[rule.label for rule in labels.rules],
        notes=notes,
    )


def label_by_examples(
    snapshot: Snapshot, embedder: Embedder, folder: Path, render: RenderImage, *, name: str, threshold: float
) -> Labelling:
    """Return the labels of every page with a vector; classes are the subfolders of `folder`. Raises UsageError."""
    if not 0 <= threshold <= 1:
        raise UsageError(f"expected a threshold from 0 to 1, found {threshold}")
    lane, encoder = _example_encoder(snapshot, embedder)
    examples = encode_examples(folder, encoder, render)
    classifier = fit_examples(examples.vectors)
    rules = [LabelCriterion(name=one, positive=(one,), threshold=threshold) for one in classifier.classes]
    kept = [column for column, rule in enumerate(rules) if fold(rule.name) not in NO_LABEL]
    classes = LabelSet(name=name, rules=[rules[column] for column in kept])
    assigned = _assign(snapshot, lane, lambda rows: _of_classes(classifier, classes.rules, kept, rows))
    counts = {one: len(rows) for one, rows in examples.vectors.items()}
    labelling = _labelling(
        snapshot,
        lane,
        assigned,
        name=name,
        rules=classes.as_json() | {"examples": counts, "method": classifier.method, "hash": _hash(classifier)},
        method=classifier.method,
        labels=[rule.label for rule in classes.rules],
        notes=[],
    )
    return replace(labelling, report=replace(labelling.report, failed_examples=examples.failed))


def label_probabilities(snapshot: Snapshot, encoder: LabelEncoder, labels: LabelSet) -> LabelProbabilities:
    """Return the probabilities that thresholds are fitted to. Raises UsageError without an `image` lane."""
    lane = _require_lane(snapshot, encoder)
    classifier = ZeroShotClassifier(encoder, labels.rules)
    refs: list[PageRef] = []
    values = [np.zeros((0, len(labels.rules)), np.float32)]
    for pages, vectors in image_vectors(snapshot, lane):
        rows = snapshot.documents
        refs += [PageRef(rows[document_of(page)].path, number_of(page)) for page in pages.tolist()]
        values.append(classifier.probabilities(vectors).values)
    return LabelProbabilities(refs, np.concatenate(values), encoder.space.fingerprint)


def encode_examples(folder: Path, encoder: PixelEncoder, render: RenderImage) -> ExampleImages:
    """Return the encoded images of each subfolder; files that cannot be read are listed. Raises UsageError."""
    try:
        classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as exc:
        raise UsageError(f"expected a folder of examples with a subfolder for each class, found: {exc}") from exc
    found = ExampleImages({})
    for path in classes:
        parts = [np.zeros((0, encoder.space.dim), np.float32)]
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        for start in range(0, len(files), IMAGES_PER_BATCH):
            images = []
            for file in files[start : start + IMAGES_PER_BATCH]:
                try:
                    images.append(read_image(file, render))
                except UsageError as exc:
                    found.failed.append(FailedFile(str(file), "unreadable", str(exc)))
            parts.append(encoder.encode_images(images))
        found.vectors[path.name] = np.concatenate(parts)
    return found


def image_vectors(snapshot: Snapshot, lane: str) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Yield blocks of page keys (n,) and their image vectors (n, dim) in a lane."""
    view = snapshot.vectors(lane)
    keys, matrix = view.keys, view.matrix
    for start in range(0, len(keys), ROWS_PER_BLOCK):
        block = keys[start : start + ROWS_PER_BLOCK]
        images = block % MAX_PASSAGES == 0  # further rows of a page are no images of it
        yield page_of(block[images]), matrix[start : start + ROWS_PER_BLOCK][images].astype(np.float32)


def labelled_pages(snapshot: Snapshot, pattern: str) -> list[LabelledPage]:
    """Return the pages with a label that matches (`pagelens.index.catalog.label_rows`), the most probable first."""
    pages = snapshot.label_table.pages_with([pattern]).tolist()
    documents = snapshot.document_rows(sorted({document_of(page) for page in pages}))
    found = [
        LabelledPage(PageRef(documents[document_of(page)].path, number_of(page)), label)
        for page, labels in snapshot.labels_of(pages).items()
        for label in labels
        if document_of(page) in documents and label_matches(label.label, label.label_set, pattern)
    ]
    return sorted(found, key=lambda one: (-one.label.probability, one.ref.path, one.ref.number))


def label_set_status(snapshot: Snapshot) -> list[LabelSetStatus]:
    """Return the collection's label sets with the number of pages of each label."""
    return [LabelSetStatus(one, snapshot.label_table.counts_of(one.name)) for one in snapshot.label_sets()]


def _require_lane(snapshot: Snapshot, encoder: LabelEncoder) -> str:
    record = snapshot.lanes.get("image")
    if record is None:
        raise UsageError(
            "expected a collection with an image lane to label, found none: pagelens reembed --model image=builtin"
        )
    assert record.space == encoder.space, (record.space, encoder.space)
    return "image"


def _example_encoder(snapshot: Snapshot, embedder: Embedder) -> tuple[str, PixelEncoder]:
    """Return the lane whose vectors are compared with examples, and its encoder: of images alone, if there is one."""
    encoder = label_encoder(embedder)
    visual = snapshot.lanes.get("visual")
    if visual is not None and isinstance(embedder, BuiltinImageEmbedder):
        features = embedder.encoder.feature_encoder
        if features.space == visual.space:
            return "visual", features
    return _require_lane(snapshot, encoder), encoder


def _of_classes(
    classifier: ExampleClassifier, rules: Sequence[LabelCriterion], columns: Sequence[int], rows: NDArray[np.float32]
) -> RuleProbabilities:
    probabilities = classifier.probabilities(rows)[:, list(columns)] * classifier.is_like_any(rows)[:, None]
    return RuleProbabilities(rules, probabilities)


def _assign(
    snapshot: Snapshot, lane: str, probabilities: Callable[[NDArray[np.float32]], RuleProbabilities]
) -> tuple[Assigned, int]:
    """Return the labels of each page that has any, and the number of pages compared."""
    assigned: Assigned = {}
    compared = 0
    for pages, vectors in image_vectors(snapshot, lane):
        compared += len(pages)
        for row, rule, probability in probabilities(vectors).assigned():
            assigned.setdefault(int(pages[row]), []).append((rule.label, probability))
    best = {page: sorted(labels, key=lambda one: (-one[1], one[0]))[:MAX_LABELS] for page, labels in assigned.items()}
    return best, compared


def _labelling(
    snapshot: Snapshot,
    lane: str,
    assignment: tuple[Assigned, int],
    *,
    name: str,
    rules: Mapping[str, Any],
    method: str,
    labels: Sequence[str],
    notes: Sequence[str],
) -> Labelling:
    assigned, compared = assignment
    record = snapshot.lanes[lane]
    approximate = record.model == BUILTIN and lane == "image"
    set_id = label_set_id(rules, record.space.fingerprint)
    model = str(record.space)
    counts = dict.fromkeys(labels, 0)
    for found in assigned.values():
        for label, _ in found:
            counts[label] += 1
    report = LabelReport(
        label_set=name,
        id=set_id,
        model=model,
        approximate=approximate,
        method=method,
        pages=compared,
        without_vector=snapshot.page_count - compared,
        labels=counts,
        unlabelled=compared - len(assigned),
        notes=notes,
    )
    stored = StoredLabelSet(id=set_id, name=name, model=model, approximate=approximate, rules=rules)
    return Labelling(stored, assigned, report)


def _hash(classifier: ExampleClassifier) -> str:
    """Return a number that changes with the examples."""
    return np.format_float_scientific(float(np.abs(classifier.weights).sum()), precision=12)


def with_threshold(labels: LabelSet, threshold: float | None) -> LabelSet:
    """Return the label set with one threshold for all rules; as it is for None. Raises UsageError."""
    if threshold is None:
        return labels
    if not 0 <= threshold <= 1:
        raise UsageError(f"expected a threshold from 0 to 1, found {threshold}")
    return replace(labels, rules=[replace(rule, threshold=threshold) for rule in labels.rules])
