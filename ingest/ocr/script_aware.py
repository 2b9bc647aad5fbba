"""RapidOCR with Tesseract for the scripts that RapidOCR's models do not read, chosen for each image by its script."""

from pagelens.core.errors import UsageError
from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.languages import SCRIPT_LANGUAGES, TESSERACT_NAMES
from pagelens.ingest.ocr.rapidocr_engine import RapidOcrRecogniser, Reading
from pagelens.ingest.ocr.recognition import RecognisedWord, UnreadTextError
from pagelens.ingest.ocr.tesseract_engine import TesseractRecogniser

DOUBTFUL_SHARE = 0.5  # of an image's lines, by length, from which its script is looked at
UNREAD_SHARE = 0.8  # ... from which the image counts as not read, if nothing else reads it
MIN_UNREAD_LINES = 3  # fewer lines may be a pattern, or a signature


class ScriptAwareRecogniser:
    """Reads with RapidOCR; what it does not read goes to Tesseract, if that has the data for its script."""

    def __init__(self, rapidocr: RapidOcrRecogniser, tesseract: TesseractRecogniser | None) -> None:
        self._rapidocr = rapidocr
        self._tesseract = tesseract

    @property
    def name(self) -> str:
        """The engine and its version."""
        return self._rapidocr.name

    def recognise(self, image: ImageArray) -> list[RecognisedWord]:
        """Return the words on an image; see `TextRecogniser.recognise`.

        Raises UnreadTextError for an image whose lines are in a script that nothing here reads; RecognitionError.
        """
        reading = self._rapidocr.read(image)
        if reading.doubtful < DOUBTFUL_SHARE:
            return reading.words
        script = self._tesseract.script(image) if self._tesseract else ""
        if self._tesseract and self._tesseract.data_names(script):
            return self._tesseract.recognise(image) or reading.words
        if reading.unread >= UNREAD_SHARE and reading.lines >= MIN_UNREAD_LINES:
            known = script if script in SCRIPT_LANGUAGES else ""
            raise UnreadTextError(_advice(known, reading, has_tesseract=self._tesseract is not None), known)
        return reading.words


def find_tesseract(threads: int) -> TesseractRecogniser | None:
    """Return Tesseract; None where it is not installed or does not work."""
    try:
        return TesseractRecogniser(threads=threads)
    except UsageError:
        return None


def _advice(script: str, reading: Reading, *, has_tesseract: bool) -> str:
    """Return why an image was not read, and what would read it; `script` is empty if it is not known."""
    if script:
        package = "tesseract-ocr-" + TESSERACT_NAMES[SCRIPT_LANGUAGES[script][0]].replace("_", "-")
        return (
            f"it is in {script} script, which RapidOCR does not read: install Tesseract's data for it "
            f"(Debian: apt install {package}), then remove the file from the collection and index it again"
        )
    advice = "" if has_tesseract else "; Tesseract (Debian: apt install tesseract-ocr) reads further scripts"
    return (
        f"RapidOCR could not read {reading.unread:.0%} of its {reading.lines} lines: they are too poor, or in a script "
        f"that it does not read{advice}"
    )
