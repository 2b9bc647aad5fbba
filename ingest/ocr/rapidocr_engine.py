"""RapidOCR: PP-OCR's detector and recogniser on onnxruntime, the models in its wheel. No network.

Knows rapidocr; does not know pages. RapidOCR's own loop is not used, only its three models: it pads lines to one width,
looks for text at full size, turns each line by itself and gives a word the belief of its neighbours. Here text is
looked for on a smaller picture, lines are cut from the full one and read one by one, and a vote turns the page.
"""

import importlib.metadata
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR

from pagelens.core.errors import WeightsError
from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.languages import check_pp_ocr
from pagelens.ingest.ocr.reading_order import reading_order
from pagelens.ingest.ocr.recognition import Quad, RecognisedWord, RecognitionError, hull, pieces

DETECTION_PIXELS = 2_400_000  # on which text is looked for at most: what bounds the memory
_DETECTION_SCALE = 0.73  # of the picture on which text is looked for; but ...
_ENOUGH = 736  # ... nothing is made smaller than this for it: PP-OCR's own least side
_LEAST_SIDE = 64  # pixels; thinner pictures get more of their edge
LINE_BELIEF = 0.5  # a line read with less is dropped

_LINE_HEIGHT = 48  # pixels, what the recogniser was trained on
_TALL = 1.5  # a box this much higher than wide may be a line that runs down or up
_VOTERS = 3  # lines asked whether the page stands upside down
_SURE = 0.9  # no need to ask
_Quads = NDArray[np.float64]  # (n, 4, 2)


class _Line(NamedTuple):
    text: str
    belief: float
    info: Any  # of rapidocr: the column and the belief of each character


class RapidOcrRecogniser:
    """Reads Latin scripts, Greek letters, Chinese and Japanese. Not for two threads at once."""

    def __init__(
        self, *, languages: Sequence[str] = (), threads: int = 1, detection_pixels: int = DETECTION_PIXELS
    ) -> None:
        """Load the models. Raises UsageError on a language; WeightsError where the wheel's files are damaged."""
        check_pp_ocr(languages)
        self._pixels = detection_pixels
        threads = max(1, min(threads, os.cpu_count() or 1))  # RapidOCR takes every core where told more than there are
        try:
            self._models: Any = RapidOCR(params=_parameters(threads))
            blank = np.full((_LINE_HEIGHT, _LINE_HEIGHT, 3), 255, np.uint8)
            self._detect(blank)  # RapidOCR opens its models when they are first used
            self._models.recognize_txt([blank])
        except Exception as exc:  # whatever a broken or missing model file makes yaml, requests or onnxruntime raise
            raise WeightsError(f"expected the models in the rapidocr package, found {exc}: reinstall rapidocr") from exc

    @property
    def name(self) -> str:
        """The engine and its version."""
        return f"rapidocr {importlib.metadata.version('rapidocr')}"

    def recognise(self, picture: ImageArray) -> list[RecognisedWord]:
        """Return the words on a picture; see `pagelens.ingest.ocr.recognition.TextRecogniser`. Raises RecognitionError."""
        try:
            return self._recognise(picture)
        except Exception as exc:  # OpenCV, onnxruntime, pyclipper and shapely have no common root
            raise RecognitionError(f"rapidocr gave up on a picture ({type(exc).__name__}: {exc})") from exc

    def _recognise(self, picture: ImageArray) -> list[RecognisedWord]:
        pixels = np.ascontiguousarray(picture[:, :, ::-1])  # the models were trained on BGR
        quads = self._detect(pixels)
        tall = _is_tall(quads)
        if _lengths(quads[tall]).sum() <= _lengths(quads[~tall]).sum():
            return self._read(pixels, quads, tall)
        pixels = np.ascontiguousarray(np.rot90(pixels))
        quads = self._detect(pixels)  # lines that lie are found better than those that stand
        width = picture.shape[1]
        return [
            word._replace(x0=width - word.y1, y0=word.x0, x1=width - word.y0, y1=word.x1)
            for word in self._read(pixels, quads, _is_tall(quads))
        ]

    def _detect(self, pixels: ImageArray) -> _Quads:
        """Return the text lines as quads: rows of corners, clockwise from the one that is top left on the picture."""
        height, width = pixels.shape[:2]
        scale = min(1.0, max(_DETECTION_SCALE, _ENOUGH / max(height, width)), (self._pixels / (width * height)) ** 0.5)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = pixels if scale == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        below, beside = (max(0, _LEAST_SIDE - side) for side in small.shape[:2])
        if below or beside:
            small = cv2.copyMakeBorder(small, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        found = self._models(small, use_det=True, use_cls=False, use_rec=False).boxes
        if found is None:
            return np.zeros((0, 4, 2))
        quads: _Quads = np.asarray(found, np.float64) * (width / size[0], height / size[1])
        return quads

    def _read(self, pixels: ImageArray, quads: _Quads, tall: NDArray[np.bool_]) -> list[RecognisedWord]:
        """Read lines, most of which lie; `tall` are those that stand."""
        quads = quads.copy()
        quads[tall] = np.roll(quads[tall], -1, axis=1)  # read downwards: such a line begins at its top right
        lines = self._lines(pixels, quads)
        is_flipped = False
        for group in (np.flatnonzero(tall), np.flatnonzero(~tall)):
            if self._is_upside_down(pixels, quads[group], [lines[at].belief for at in group]):
                quads[group] = np.roll(quads[group], 2, axis=1)
                for at, line in zip(group, self._lines(pixels, quads[group]), strict=True):
                    lines[at] = line
                is_flipped |= not tall[group[0]]
        words: list[RecognisedWord] = []
        for place in reading_order(_hulls(_levelled(-quads if is_flipped else quads))):
            line = lines[place.box]
            if line.belief >= LINE_BELIEF:
                words += _words(quads[place.box], line, place.block, place.line)
        return words

    def _lines(self, pixels: ImageArray, quads: _Quads) -> list[_Line]:
        if not len(quads):
            return []
        found = self._models.recognize_txt([_cut(pixels, quad) for quad in quads])
        return [_Line(*line) for line in zip(found.txts, found.scores, found.word_results, strict=True)]

    def _is_upside_down(self, pixels: ImageArray, quads: _Quads, beliefs: Sequence[float]) -> bool:
        """Say whether lines that were read with little belief read better the other way round. The longest are asked.

        Lines that stand right are read with .97 and more, those upside down with .85 at most: no classifier is so sure.
        """
        voters = np.argsort(-_lengths(quads), kind="stable")[:_VOTERS]
        believed = float(sum(beliefs[at] for at in voters))
        if believed >= _SURE * len(voters):
            return False
        return sum((line.belief for line in self._lines(pixels, np.roll(quads[voters], 2, axis=1))), 0.0) > believed


def _parameters(threads: int) -> dict[str, object]:
    return {
        "Global.log_level": "error",
        "Global.use_preprocess_img": False,  # pictures come at the size they are to be read
        "Global.use_vertical_padding": False,
        "Global.return_word_box": True,
        "Det.limit_type": "max",
        "Det.limit_side_len": 1_000_000,
        "Rec.rec_batch_num": 1,  # lines of one batch are padded to the longest
        "Rec.rec_img_shape": [3, _LINE_HEIGHT, 32],  # the least width lines are padded to
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }


def _sides(quads: _Quads) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lengths of each quad's first edge and of the one after it."""
    return np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1), np.linalg.norm(quads[:, 2] - quads[:, 1], axis=1)


def _lengths(quads: _Quads) -> NDArray[np.float64]:
    return np.maximum(*_sides(quads))


def _is_tall(quads: _Quads) -> NDArray[np.bool_]:
    """Say which quads are lines that stand: higher than wide, and not for being a single letter."""
    if not len(quads):
        return np.zeros(0, np.bool_)
    along, across = _sides(quads)
    tall: NDArray[np.bool_] = (across >= _TALL * along) & (across >= 2 * np.median(np.minimum(along, across)))
    return tall


def _cut(pixels: ImageArray, quad: Quad) -> ImageArray:
    """Return a line as the recogniser wants it: level, from left to right, 48 pixels high."""
    along, across = _sides(quad[None])
    width = max(8, round(_LINE_HEIGHT * float(along[0]) / max(1.0, float(across[0]))))
    corners = np.array([[0, 0], [width, 0], [width, _LINE_HEIGHT], [0, _LINE_HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    line = cv2.warpPerspective(
        pixels, matrix, (width, _LINE_HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(line, np.uint8)


def _levelled(quads: _Quads) -> _Quads:
    """Return the quads turned so that the usual line is level; corners keep their order."""
    edges = quads[:, 1] - quads[:, 0]
    ahead = edges[np.abs(edges[:, 1]) < edges[:, 0]]
    if not len(ahead):
        return quads
    angle = float(np.median(np.arctan2(ahead[:, 1], ahead[:, 0])))
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack((cosine * quads[..., 0] + sine * quads[..., 1], cosine * quads[..., 1] - sine * quads[..., 0]), -1)


def _hulls(quads: _Quads) -> NDArray[np.float64]:
    return np.concatenate((quads.min(1), quads.max(1)), 1)


def _words(quad: Quad, line: _Line, block: int, number: int) -> list[RecognisedWord]:
    if not line.text.strip():
        return []
    columns = [column for word in line.info.word_cols for column in word]
    centres = [min(1.0, (column + 0.25) / line.info.line_txt_len) for column in columns]
    return [
        RecognisedWord(piece.text, *hull(quad, piece.start, piece.end), block, number, piece.confidence)
        for piece in pieces(line.text, centres, line.info.confs)
    ]
