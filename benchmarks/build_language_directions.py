"""Compute the language directions of multilingual-e5-small: `python -m benchmarks.build_language_directions DJANGO`.

A development tool. DJANGO is the folder `django` of the wheel Django 5.2 (BSD-3-Clause), whose translated messages are
the same sentences in many languages. It writes `encode/text/multilingual_e5_directions.npy` in half precision and
prints its SHA-256, which `pagelens.encode.text.language_directions` pins.

A text's vector says what it is about and, more than that, which language it is in. The difference of the mean vectors
of a language's messages and of the same messages in English is the language's own; the principal components of these
differences are the directions that are taken out of every vector (Yang, Yang, Cer and Darve, "A simple and effective
method to eliminate the self language bias in multilingual representations", 2021).
"""

import gettext
import hashlib
import io
import random
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.core.settings import Settings
from pagelens.encode.text.language_directions import COUNT, FILE
from pagelens.encode.text.multilingual_e5 import MultilingualTextEncoder

LANGUAGES = "ar bg ca cs da de el es fa fi fr he hi hu id it ja ko nb nl pl pt ro ru sv ta th tr uk vi zh_Hans".split()
MESSAGES = 30  # of each language
_PLACEHOLDER = re.compile("[%{<]")


def read_messages(django: Path, language: str) -> dict[str, str]:
    """Return sentences in English with their translations: five words or more, without placeholders."""
    messages: dict[str, str] = {}
    for folder in ("conf/locale", "contrib/*/locale"):
        for path in sorted(django.glob(f"{folder}/{language}/LC_MESSAGES/django.mo")):
            with path.open("rb") as stream:
                catalog = gettext.GNUTranslations(stream)._catalog  # type: ignore[attr-defined]
            messages |= {english: text for english, text in catalog.items() if isinstance(english, str) and text}
    return {
        english: text
        for english, text in messages.items()
        if len(english.split()) >= 5 and len(english) < 160 and not _PLACEHOLDER.search(english)
    }


def directions(encoder: MultilingualTextEncoder, messages: Mapping[str, Mapping[str, str]]) -> NDArray[np.float32]:
    """Return (2 + COUNT, 384): the mean vector of queries, that of passages, and orthonormal directions."""
    order = sorted(set().union(*messages.values()))
    random.Random(0).shuffle(order)
    chosen = {language: [text for text in order if text in found][:MESSAGES] for language, found in messages.items()}
    english = sorted(set().union(*chosen.values()))
    rows = {text: row for row, text in enumerate(english)}
    means, offsets = [], []
    for prefix in (encoder.query_prefix, encoder.passage_prefix):
        in_english = encoder.mean_vectors(english, prefix)
        language_means = [in_english.mean(axis=0)]
        for language, texts in chosen.items():
            mean = encoder.mean_vectors([messages[language][text] for text in texts], prefix).mean(axis=0)
            language_means.append(mean)
            offsets.append(mean - in_english[[rows[text] for text in texts]].mean(axis=0))
        means.append(np.mean(language_means, axis=0))
    return np.concatenate([means, _principal([*offsets, np.zeros_like(offsets[0])])])


def _principal(offsets: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the first COUNT principal components, (COUNT, dim)."""
    centred = np.stack(offsets) - np.mean(offsets, axis=0)
    components = np.linalg.svd(centred.astype(np.float64), full_matrices=False)[2][:COUNT]
    signs = np.sign(components[np.arange(COUNT), np.abs(components).argmax(axis=1)])
    return np.asarray(components * signs[:, None], np.float32)


if __name__ == "__main__":
    translations = {language: read_messages(Path(sys.argv[1]), language) for language in LANGUAGES}
    stream = io.BytesIO()
    np.save(stream, directions(MultilingualTextEncoder.load(Settings()), translations).astype(np.float16))
    FILE.write_bytes(stream.getvalue())
    print(f"{FILE.name}: SHA-256 {hashlib.sha256(stream.getvalue()).hexdigest()}")
