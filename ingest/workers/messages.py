"""The messages between a worker process and the process that started it."""

from dataclasses import dataclass
from pathlib import Path

from pagelens.core.errors import PageLensError, ReadCode
from pagelens.core.types import Document, ImageArray, Kind, Page
from pagelens.ingest.figures import DocumentFigure
from pagelens.ingest.form_fields import FormField
from pagelens.ingest.members.extraction import Member
from pagelens.ingest.page_processing import ProcessedPage, ProcessingOptions, ReadJob, ReadStage


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker receives first."""

    options: ProcessingOptions
    memory: int  # bytes that opening a file, or a page, may add to the address space; where the system enforces it


@dataclass(frozen=True, slots=True)
class PageRange:
    """Consecutive pages to be processed. Pages after the file's end are left out."""

    job: ReadJob
    first: int
    last: int
    check_only: bool = False  # read all pages in one pass and send none: see `PageRangeReader.check`


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """A page to be rendered, `longest` pixels on its longer side at most."""

    path: Path
    kind: Kind
    number: int
    longest: int


@dataclass(frozen=True, slots=True)
class ListMembersRequest:
    """A container whose members are to be listed."""

    path: Path


@dataclass(frozen=True, slots=True)
class ExtractMemberRequest:
    """A member to be written to a file."""

    path: Path
    target: Path


@dataclass(frozen=True, slots=True)
class FindFiguresRequest:
    """A file whose figures are to be listed."""

    path: Path
    kind: Kind


@dataclass(frozen=True, slots=True)
class ReadFormRequest:
    """A file whose form is to be read."""

    path: Path
    kind: Kind


@dataclass(frozen=True, slots=True)
class RecogniseRequest:
    """An image whose text is to be read."""

    image: ImageArray


@dataclass(frozen=True, slots=True)
class CloseFile:
    """The file that is kept open between page ranges is not needed any more. Not answered."""


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The worker has started."""


@dataclass(frozen=True, slots=True)
class FileOpened:
    """The file of the page range is open."""

    document: Document


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A further stage begins on a page, which is sent as it is so far."""

    page: Page
    stage: ReadStage


@dataclass(frozen=True, slots=True)
class PageChecked:
    """A page was read by a range that is `check_only`."""


@dataclass(frozen=True, slots=True)
class RangeCompleted:
    """The page range is done."""


@dataclass(frozen=True, slots=True)
class PageRendered:
    """The page of a `RenderRequest`."""

    image: ImageArray


@dataclass(frozen=True, slots=True)
class MembersFound:
    """The members of a `ListMembersRequest`."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class FiguresFound:
    """The figures of a `FindFiguresRequest`."""

    figures: tuple[DocumentFigure, ...]


@dataclass(frozen=True, slots=True)
class FormFieldsFound:
    """The fields of a `ReadFormRequest`."""

    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class MemberExtracted:
    """The member of an `ExtractMemberRequest` is written."""

    sha256: str


@dataclass(frozen=True, slots=True)
class TextRecognised:
    """The text on the image of a `RecogniseRequest`."""

    text: str


@dataclass(frozen=True, slots=True)
class FileRejected:
    """Reading the file ended with a ReadError."""

    code: ReadCode
    reason: str


@dataclass(frozen=True, slots=True)
class RunAborted:
    """An error that no file is to blame for; it ends the run."""

    error: PageLensError


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The current step takes more memory than allowed. The worker is to be replaced."""


WorkerRequest = (
    PageRange
    | RenderRequest
    | RecogniseRequest
    | ListMembersRequest
    | ExtractMemberRequest
    | FindFiguresRequest
    | ReadFormRequest
    | CloseFile
)

WorkerMessage = (
    WorkerReady
    | FileOpened
    | StageStarted
    | ProcessedPage
    | PageChecked
    | RangeCompleted
    | PageRendered
    | MembersFound
    | FiguresFound
    | FormFieldsFound
    | MemberExtracted
    | TextRecognised
    | FileRejected
    | RunAborted
    | OutOfMemory
)
