"""RapidOCR: the PP-OCR detection and recognition models in the rapidocr wheel, on onnxruntime. Needs no network.

Only the models of RapidOCR are used, not its own loop, which pads lines to one width, detects text at full size,
decides the orientation of each line by itself and gives a word the confidence of its neighbours. Here text is detected
on a smaller image, lines are cut from the full one and read one by one, and a vote decides the orientation of a page.
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
from pagelens.ingest.ocr.languages import check_pp_ocr_languages
from pagelens.ingest.ocr.recognition import Quad, RecognisedWord, RecognitionError, line_part_box, split_line
from pagelens.ingest.text.reading_order import reading_order

DETECTION_PIXELS = 2_400_000  # of the image on which text is detected, at most: bounds the memory
_DETECTION_SCALE = 0.73  # of the image on which text is detected ...
_MIN_DETECTION_SIDE = 736  # ... unless its longer side would be less than this, PP-OCR's own least side
_MIN_SIDE = 64  # pixels; thinner images are extended at the edge
MIN_LINE_CONFIDENCE = 0.5  # a line read with less is dropped

_LINE_HEIGHT = 48  # pixels, as the recognition model was trained
_VERTICAL = 1.5  # ratio of height to width from which a box may be a vertical line
_VOTERS = 3  # lines that decide whether the page is upside down
_DOUBTFUL = (0.9, 0.4)  # confidence of a line, and its letters for a length of its height, below which it is doubtful
_UNREAD = (0.7, 0.25)  # ... and below which next to nothing of it was read
_SURE = 0.9  # mean confidence of the voters from which the page is not upside down
_Quads = NDArray[np.float64]  # (n, 4, 2)


class _ReadLine(NamedTuple):
    text: str
    confidence: float
    characters: Any  # of rapidocr: the column and the confidence of each character


class Reading(NamedTuple):
    """The words read from an image, and how much of its text was not: both shares are of the length of all lines."""

    words: list[RecognisedWord]
    doubtful: float  # share of the lines that were not read surely, 0..1
    unread: float  # share of the lines of which next to nothing was read, 0..1
    lines: int


class RapidOcrRecogniser:
    """Reads Latin scripts, Greek letters, Chinese and Japanese. Not thread-safe."""

    def __init__(
        self, *, languages: Sequence[str] = (), threads: int = 1, detection_pixels: int = DETECTION_PIXELS
    ) -> None:
        """Load the models. Raises UsageError on an unread language; WeightsError if the wheel's files are damaged."""
        check_pp_ocr_languages(languages)
        self._pixels = detection_pixels
        threads = max(1, min(threads, os.cpu_count() or 1))  # given more threads than cores, RapidOCR takes all cores
        try:
            self._models: Any = RapidOCR(params=_parameters(threads))
            blank = np.full((_LINE_HEIGHT, _LINE_HEIGHT, 3), 255, np.uint8)
            self._detect(blank)  # RapidOCR loads its models when they are first used
            self._models.recognize_txt([blank])
        except Exception as exc:  # of yaml, requests or onnxruntime, for a broken or missing model file
            raise WeightsError(f"expected the models in the rapidocr package, found {exc}: reinstall rapidocr") from exc

    @property
    def name(self) -> str:
        """The engine and its version."""
        return f"rapidocr {importlib.metadata.version('rapidocr')}"

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        """Return the words on an image; see `TextRecogniser.recognise`. Raises RecognitionError."""
        return self.read(image).words

    def read(self, image: ImageArray) -> Reading:
        """Return the words on an image and the share of its lines that could not be read. Raises RecognitionError."""
        try:
            return self._recognise(image)
        except Exception as exc:  # OpenCV, onnxruntime, pyclipper and shapely share no exception class
            raise RecognitionError(f"rapidocr gave up on a picture ({type(exc).__name__}: {exc})") from exc

    def _recognise(self, image: ImageArray) -> Reading:
        pixels = np.ascontiguousarray(image[:, :, ::-1])  # the models were trained on BGR
        quads = self._detect(pixels)
        is_vertical = _is_vertical(quads)
        if _lengths(quads[is_vertical]).sum() <= _lengths(quads[~is_vertical]).sum():
            return self._read(pixels, quads, is_vertical)
        pixels = np.ascontiguousarray(np.rot90(pixels))
        quads = self._detect(pixels)  # horizontal lines are detected better than vertical ones
        width = image.shape[1]
        reading = self._read(pixels, quads, _is_vertical(quads))
        words = [
            word._replace(x0=width - word.y1, y0=word.x0, x1=width - word.y0, y1=word.x1) for word in reading.words
        ]
        return reading._replace(words=words)

    def _detect(self, pixels: ImageArray) -> _Quads:
        """Return the text lines as quads, their corners clockwise from the one that is top left on the image."""
        height, width = pixels.shape[:2]
        scale = min(
            1.0,
            max(_DETECTION_SCALE, _MIN_DETECTION_SIDE / max(height, width)),
            (self._pixels / (width * height)) ** 0.5,
        )
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = pixels if scale == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        missing_height, missing_width = (max(0, _MIN_SIDE - side) for side in small.shape[:2])
        if missing_height or missing_width:
            small = cv2.copyMakeBorder(small, 0, missing_height, 0, missing_width, cv2.BORDER_REPLICATE)
        boxes = self._models(small, use_det=True, use_cls=False, use_rec=False).boxes
        if boxes is None:
            return np.zeros((0, 4, 2))
        quads: _Quads = np.asarray(boxes, np.float64) * (width / size[0], height / size[1])
        return quads

    def _read(self, pixels: ImageArray, quads: _Quads, is_vertical: NDArray[np.bool_]) -> Reading:
        """Read lines, most of them horizontal; `is_vertical`, (n,), marks the others."""
        quads = quads.copy()
        quads[is_vertical] = np.roll(quads[is_vertical], -1, axis=1)  # read downwards, from their top right corner
        lines = self._lines(pixels, quads)
        is_flipped = False
        for group in (np.flatnonzero(is_vertical), np.flatnonzero(~is_vertical)):
            if self._is_upside_down(pixels, quads[group], [lines[index].confidence for index in group]):
                quads[group] = np.roll(quads[group], 2, axis=1)
                for index, line in zip(group, self._lines(pixels, quads[group]), strict=True):
                    lines[index] = line
                is_flipped |= not is_vertical[group[0]]
        words: list[RecognisedWord] = []
        for ordered in reading_order(_bounding_boxes(_deskewed(-quads if is_flipped else quads))):
            line = lines[ordered.box]
            if line.confidence >= MIN_LINE_CONFIDENCE:
                words += _words(quads[ordered.box], line, ordered.block, ordered.line)
        return Reading(words, *_unread_shares(quads, lines), len(lines))

    def _lines(self, pixels: ImageArray, quads: _Quads) -> list[_ReadLine]:
        if not len(quads):
            return []
        result = self._models.recognize_txt([_cut_line(pixels, quad) for quad in quads])
        return [_ReadLine(*line) for line in zip(result.txts, result.scores, result.word_results, strict=True)]

    def _is_upside_down(self, pixels: ImageArray, quads: _Quads, confidences: Sequence[float]) -> bool:
        """Tell whether the longest lines, if read with little confidence, are read with more of it upside down.

        Upright lines are read with a confidence of .97 and more, others with .85 at most; no classifier is as reliable.
        """
        voters = np.argsort(-_lengths(quads), kind="stable")[:_VOTERS]
        upright = float(sum(confidences[index] for index in voters))
        if upright >= _SURE * len(voters):
            return False
        flipped = self._lines(pixels, np.roll(quads[voters], 2, axis=1))
        return sum((line.confidence for line in flipped), 0.0) > upright


def _parameters(threads: int) -> dict[str, object]:
    return {
        "Global.log_level": "error",
        "Global.use_preprocess_img": False,  # images come in the size in which they are read
        "Global.use_vertical_padding": False,
        "Global.return_word_box": True,
        "Det.limit_type": "max",
        "Det.limit_side_len": 1_000_000,
        "Rec.rec_batch_num": 1,  # lines of a batch are padded to the longest one
        "Rec.rec_img_shape": [3, _LINE_HEIGHT, 32],  # the width is the least to which a line is padded
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }


def _sides(quads: _Quads) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lengths of each quad's first and second edge, (n,) each."""
    return np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1), np.linalg.norm(quads[:, 2] - quads[:, 1], axis=1)


def _lengths(quads: _Quads) -> NDArray[np.float64]:
    return np.maximum(*_sides(quads))


def _unread_shares(quads: _Quads, lines: Sequence[_ReadLine]) -> tuple[float, float]:
    """Return the shares of doubtful and of unread lines, by length.

    A line in a script that the model was not trained on is read as a few stops, or as letters with little confidence.
    """
    if not lines:
        return 0.0, 0.0
    lengths, heights = _sides(quads)
    ratios = lengths / np.maximum(heights, 1)
    density = np.array([sum(map(str.isalnum, line.text)) for line in lines]) / np.maximum(ratios, 1)
    confidence = np.array([line.confidence for line in lines])
    doubtful, unread = (
        float(np.average((confidence < least) | (density < letters), weights=np.maximum(ratios, 1e-6)))
        for least, letters in (_DOUBTFUL, _UNREAD)
    )
    return doubtful, unread


def _is_vertical(quads: _Quads) -> NDArray[np.bool_]:
    """Return which quads are vertical lines, (n,): higher than wide, and longer than a single letter."""
    if not len(quads):
        return np.zeros(0, np.bool_)
    widths, heights = _sides(quads)
    usual = np.median(np.minimum(widths, heights))
    is_vertical: NDArray[np.bool_] = (heights >= _VERTICAL * widths) & (heights >= 2 * usual)
    return is_vertical


def _cut_line(pixels: ImageArray, quad: Quad) -> ImageArray:
    """Return a line as the recognition model expects it: horizontal, left to right, 48 pixels high."""
    widths, heights = _sides(quad[None])
    width = max(8, round(_LINE_HEIGHT * float(widths[0]) / max(1.0, float(heights[0]))))
    corners = np.array([[0, 0], [width, 0], [width, _LINE_HEIGHT], [0, _LINE_HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    line = cv2.warpPerspective(
        pixels, matrix, (width, _LINE_HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(line, np.uint8)


def _deskewed(quads: _Quads) -> _Quads:
    """Return the quads rotated so that the median line is horizontal; corners keep their order."""
    edges = quads[:, 1] - quads[:, 0]
    rightward = edges[np.abs(edges[:, 1]) < edges[:, 0]]
    if not len(rightward):
        return quads
    angle = float(np.median(np.arctan2(rightward[:, 1], rightward[:, 0])))
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack((cosine * quads[..., 0] + sine * quads[..., 1], cosine * quads[..., 1] - sine * quads[..., 0]), -1)


def _bounding_boxes(quads: _Quads) -> NDArray[np.float64]:
    return np.concatenate((quads.min(1), quads.max(1)), 1)


def _words(quad: Quad, line: _ReadLine, block: int, number: int) -> list[RecognisedWord]:
    if not line.text.strip():
        return []
    columns = [column for word in line.characters.word_cols for column in word]
    centres = [min(1.0, (column + 0.25) / line.characters.line_txt_len) for column in columns]
    return [
        RecognisedWord(
            part.text,
            *line_part_box(quad, part.start, part.end),
            block=block,
            line=number,
            confidence=part.confidence,
        )
        for part in split_line(line.text, centres, line.characters.confs)
    ]
