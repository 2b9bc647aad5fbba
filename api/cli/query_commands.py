"""Commands that read a collection: search, ask, chat, show."""

import sys
import webbrowser
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.answer_output import (
    citations_by_page,
    live_answer,
    print_answer,
    print_estimate,
    read_questions,
)
from pagelens.api.cli.command_options import (
    DEFAULT_COLLECTION,
    AsOfOption,
    CollectionOption,
    DepthOption,
    EstimateOption,
    InlineOption,
    JsonOption,
    KindsOption,
    LabelsOption,
    LanguageModelOption,
    MetaOption,
    PagesOption,
    PathsOption,
    PicturesOption,
    RerankOption,
    ReviewOption,
    SinceOption,
    SpellingOption,
    UntilOption,
    read_filters,
    split_names,
)
from pagelens.api.cli.evidence_command import BundleOption, PackOption, write_evidence
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.search_output import print_files_found, print_results
from pagelens.api.cli.terminal import distinct_file_names, err, out, page_address, page_link, print_result
from pagelens.api.cli.terminal_pictures import VARIABLE, PictureProtocol, picture_protocol, print_picture
from pagelens.api.engine import wiring
from pagelens.api.engine.arranged_results import PER_GROUP, Arrangement
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.bundle import QuestionOptions
from pagelens.api.engine.file_names import absolute_path, page_image_filename, path_to_text, printable
from pagelens.api.engine.lane_registry import LANE_NAMES
from pagelens.api.engine.page_overlays import from_jpeg
from pagelens.api.engine.query_image import ImageOptions
from pagelens.core.errors import NotFound, UsageError
from pagelens.core.types import DEFAULT_DEPTH, DEFAULT_TEXT_SHARE, Answer, Box, Depth, Filters, PageRef
from pagelens.generate.follow_up import picture_of_last
from pagelens.generate.llm.providers import MAX_SAMPLES

IMAGE_SUFFIXES = ("", ".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")  # that `show` can write


def search(
    query: Annotated[str, typer.Argument(help="Words, or a question; with --image: how results differ from it.")] = "",
    collection: CollectionOption = DEFAULT_COLLECTION,
    image: Annotated[
        list[Path] | None, typer.Option("--image", "-i", help="Find pages and photos like this picture. May repeat.")
    ] = None,
    not_like: Annotated[
        list[Path] | None, typer.Option("--not-like", help="... but not like this one. May repeat.")
    ] = None,
    not_itself: Annotated[
        bool, typer.Option("--not-itself", help="Leave the pictures of --image, and copies of them, out.")
    ] = False,
    text_share: Annotated[
        float | None,
        typer.Option(
            "--text-share",
            help="The weight of the words against the picture, from 0 to 1.",
            show_default=str(DEFAULT_TEXT_SHARE),
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pages.")] = 10,
    lane: Annotated[
        list[str] | None, typer.Option("--lane", "--lanes", help=f"Only these lanes: {', '.join(LANE_NAMES)}.")
    ] = None,
    path: PathsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    pages: PagesOption = None,
    meta: MetaOption = None,
    label: LabelsOption = None,
    sort: Annotated[
        str, typer.Option(help="Sort the best pages by this metadata field: price, or -price for the highest first.")
    ] = "",
    group_by: Annotated[
        str, typer.Option("--group-by", help="Group by this metadata field; -k is the number of groups.")
    ] = "",
    per_group: Annotated[int, typer.Option("--per-group", min=1, help="How many pages of each group.")] = PER_GROUP,
    facet: Annotated[
        list[str] | None,
        typer.Option("--facet", help="Count the values of this metadata field, * for all, over all that match."),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=0, help="Also show so many pages before and after each.")] = 0,
    fold: Annotated[bool, typer.Option(help="Show one page of each group of duplicates.")] = True,
    spelling: SpellingOption = True,
    rerank: RerankOption = None,
    depth: DepthOption = DEFAULT_DEPTH,
    pictures: PicturesOption = None,
    inline: InlineOption = False,
    view: Annotated[bool, typer.Option("--open", help="Open the first page found, in its file.")] = False,
    files_only: Annotated[
        bool, typer.Option("--files-with-matches", "-l", help="Print the files found, one a line, and nothing else.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="As -l, a NUL character after each file: for xargs -0.")
    ] = False,
    as_of: AsOfOption = None,
    json_output: JsonOption = False,
) -> int:
    """Find the pages that match a query, best first.

    Words rank pages; "a phrase" must stand on the page, -word must not, one of this OR that must; field:value narrows
    (path, title, kind, label, date, since, until; -field:value leaves out). Give -- before a query that begins with a
    minus.
    """
    arrangement = Arrangement(sort=sort, group_by=group_by, per_group=per_group, facets=tuple(facet or ()))
    if not (query.strip() or image or arrangement or any((path, kind, since, until, pages, meta, label, facet))):
        raise UsageError("expected a query, a picture with --image, or filters, found none of them")
    engine = wiring.open_collection(collection)
    engine = engine.as_of(as_of) if as_of else engine
    filters = read_filters(path, kind, since, until, pages, meta, label)
    if query.strip() and not image and lane is None:
        _tell_cost(engine.rerank_cost(rerank=rerank, depth=depth))
    results = engine.search(
        query,
        image=image,
        image_options=ImageOptions(not_like or (), text_share, not_itself),
        k=k,
        filters=filters,
        lanes=split_names(lane),
        fold=fold,
        neighbours=neighbours,
        arrangement=arrangement,
        spelling=spelling,
        rerank=rerank,
        depth=depth,
    )
    if files_only or null:
        print_files_found(results.hits, end="\0" if null else "\n")
    else:
        print_result(results, json_output, print_results)
    marked = [(hit.ref, [box for evidence in hit.evidence for box in evidence.boxes]) for hit in results.hits]
    _show_pictures(engine, marked, folder=pictures, inline=inline, quiet=json_output or files_only or null)
    if view and results.hits:
        webbrowser.open(page_address(results.hits[0].ref))
    return ExitCode.DONE if results.hits else ExitCode.NOTHING_FOUND


def ask(
    question: Annotated[str, typer.Argument(help="A question; with --image it may be left out.")] = "",
    collection: CollectionOption = DEFAULT_COLLECTION,
    image: Annotated[Path | None, typer.Option("--image", "-i", help="A picture that the question is about.")] = None,
    llm: LanguageModelOption = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_SAMPLES,
            envvar="PAGELENS_LLM_SAMPLES",
            help="How many replies of a language model are compared, at so many times the price; "
            "the answer is the one that most agree with.",
            show_default="1",
        ),
    ] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Read more questions, one a line; an empty line ends.")] = False,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pages the answer may use.")] = 6,
    path: PathsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    pages: PagesOption = None,
    meta: MetaOption = None,
    label: LabelsOption = None,
    spelling: SpellingOption = True,
    depth: DepthOption = DEFAULT_DEPTH,
    pictures: PicturesOption = None,
    inline: InlineOption = False,
    bundle: BundleOption = None,
    pack: PackOption = None,
    review: ReviewOption = False,
    estimate: EstimateOption = False,
    across: Annotated[
        bool | None,
        typer.Option(
            "--across/--no-across",
            help="Answer by a row for each document that meets the question.",
            show_default="where the question can be nothing else",
        ),
    ] = None,
    as_of: AsOfOption = None,
    json_output: JsonOption = False,
) -> int:
    """Answer a question from the documents, with page citations; or report that they do not answer it."""
    if not chat and not question.strip() and image is None:
        raise UsageError("expected a question, --image, or --chat to ask one after the other, found neither")
    if chat and (bundle or pack or estimate):
        raise UsageError("expected --bundle, --pack and --estimate with a single question, found --chat")
    filters = read_filters(path, kind, since, until, pages, meta, label)
    engine = wiring.open_collection(collection, llm=llm, samples=samples)
    engine = engine.as_of(as_of) if as_of else engine
    if estimate:
        print_result(
            engine.estimate_answer(question, image=image, k=k, filters=filters, across=across),
            json_output,
            print_estimate,
        )
        return ExitCode.DONE
    if image is None:
        _tell_cost(engine.rerank_cost(depth=depth))
    conversation = _Conversation(
        engine, image=image, k=k, filters=filters, spelling=spelling, depth=depth, across=across
    )
    answer = None
    for answer in conversation.answers(read_questions(question) if chat else [question]):
        print_result(answer, json_output, print_answer)
        _show_pictures(engine, _marked_pages(answer), folder=pictures, inline=inline, quiet=json_output)
        if bundle or pack:
            options = QuestionOptions(k=k, filters=filters, spelling=spelling, depth=depth, across=across)
            write_evidence(engine, answer, bundle, pack, options if image is None else None)
        if review:
            engine.reviews.add_citations(answer)
    return ExitCode.DONE if answer is None or answer.found is True else ExitCode.NOTHING_FOUND


def chat(
    collection: CollectionOption = DEFAULT_COLLECTION,
    llm: LanguageModelOption = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pages an answer may use.")] = 6,
    path: PathsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    depth: DepthOption = DEFAULT_DEPTH,
    inline: InlineOption = False,
) -> int:
    """Answer one question after the other, each with those before it. An empty line or Ctrl-D ends."""
    filters = read_filters(path, kind, since, until, None, None)
    engine = wiring.open_collection(collection, llm=llm)
    if sys.stdin.isatty():
        import readline  # noqa: F401 - `input` edits lines and remembers them
    conversation = _Conversation(engine, image=None, k=k, filters=filters, spelling=True, depth=depth)
    for answer in conversation.answers(read_questions("")):
        print_answer(answer)
        _show_pictures(engine, _marked_pages(answer), folder=None, inline=inline, quiet=True)
        out.print()
    return ExitCode.DONE


class _Conversation:
    """A conversation: each question is put with those before it."""

    def __init__(
        self,
        engine: Engine,
        *,
        image: Path | None,
        k: int,
        filters: Filters,
        spelling: bool,
        depth: Depth,
        across: bool | None = None,
    ) -> None:
        """`image`: a picture that the first question is about. `across`: see `Engine.ask`."""
        self._engine, self._image, self._across = engine, image, across
        self._k, self._filters, self._spelling, self._depth = k, filters, spelling, depth

    def answers(self, questions: Iterable[str]) -> Iterator[Answer]:
        """Yield the answer of each question; in a terminal its text is shown while it is made."""
        history: list[tuple[str, str]] = []
        questions_so_far: list[tuple[str, Path | None]] = []
        for question in questions:
            questions_so_far.append((question, None if questions_so_far else self._image))
            with live_answer() as read_answer:
                answer = read_answer(
                    self._engine.ask_stream(
                        question,
                        image=picture_of_last(questions_so_far),
                        k=self._k,
                        filters=self._filters,
                        history=history,
                        spelling=self._spelling,
                        depth=self._depth,
                        across=self._across,
                    )
                )
            history.append((question, answer.text))
            yield answer


def _marked_pages(answer: Answer) -> list[tuple[PageRef, list[Box]]]:
    """Return the cited pages with the boxes of their quotes."""
    return [
        (ref, [box for citation in citations for box in citation.boxes])
        for ref, citations in citations_by_page(answer).items()
    ]


def show(
    page: Annotated[str, typer.Argument(help="A page: 'report.pdf p.12' or report.pdf#12.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    query: Annotated[str | None, typer.Option("--query", "-q", help="Mark the words of this query.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The picture to write; if left out, named after the page.")
    ] = None,
    heat: Annotated[bool, typer.Option("--heat", help="Show the page lane's heat map for the query.")] = False,
    inline: InlineOption = False,
    view: Annotated[bool, typer.Option("--open", help="Open the picture.")] = False,
) -> int:
    """Write a page as a picture, the evidence for a query marked."""
    protocol = _require_pictures() if inline else None
    engine = wiring.open_collection(collection)
    ref = engine.resolve(page)
    if heat and not query:
        raise UsageError("expected --query with --heat: the heat map is of a query")
    boxes = engine.evidence(ref, query) if query and not heat else []
    if query and not heat and not boxes:
        err.print("None of these words is on the page: nothing is marked.")
    picture = engine.heat_map_image(ref, query) if query and heat else engine.page_image(ref, boxes=boxes)
    if protocol is not None:
        print_picture(picture, protocol)
    if protocol is not None and out is None and not view:
        return ExitCode.DONE
    target = out or Path(page_image_filename(ref))
    _write_picture(engine, picture, target)
    terminal.out.print(str(target), soft_wrap=True, markup=False)
    if view:
        webbrowser.open(target.absolute().as_uri())
    return ExitCode.DONE


def _write_picture(engine: Engine, picture: bytes, target: Path) -> None:
    """Write a JPEG in the format that the name of `target` asks for. Raises UsageError for other names."""
    if target.suffix.lower() not in IMAGE_SUFFIXES:
        raise UsageError(
            f"expected --out to be named like a picture ({', '.join(IMAGE_SUFFIXES[1:])}), found {target.name}"
        )
    _require_no_document(engine, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix.lower() not in ("", ".jpg", ".jpeg"):
        from_jpeg(picture).save(target)
    else:
        target.write_bytes(picture)


def _tell_cost(cost: str) -> None:
    """Print what reranking costs, before it does."""
    if cost:
        err.print(printable(f"Reranking: {cost}."), markup=False, soft_wrap=True)


def _require_no_document(engine: Engine, target: Path) -> None:
    """Raise UsageError if writing to `target` would overwrite an indexed file."""
    path = path_to_text(absolute_path(target))
    with engine.snapshot() as snapshot:
        if any(path in row.paths for row in snapshot.documents.values()):
            raise UsageError(f"expected another name for the picture: {target} is one of the documents. Give --out.")


def _show_pictures(
    engine: Engine, pages: Sequence[tuple[PageRef, list[Box]]], *, folder: Path | None, inline: bool, quiet: bool
) -> None:
    """Write the pages as pictures to a folder, and show them in the terminal, as far as either is wanted."""
    if folder is not None:
        _write_pictures(engine, folder, pages, quiet=quiet)
    if inline:
        protocol, names = _require_pictures(), distinct_file_names([ref.path for ref, _ in pages])
        for ref, boxes in pages:
            out.print(page_link(ref, None, names[ref.path]), soft_wrap=True)
            try:
                print_picture(engine.page_image(ref, boxes=boxes), protocol)
            except NotFound as exc:  # the other pages are still shown
                err.print(f"pagelens: {printable(str(exc))}", markup=False, soft_wrap=True)


def _require_pictures() -> PictureProtocol:
    """Return the terminal's protocol for pictures. Raises UsageError where it has none."""
    protocol = picture_protocol()
    if protocol is None or not out.is_terminal:
        raise UsageError(
            "expected a terminal that shows pictures (kitty, Ghostty, iTerm2, WezTerm, foot, mlterm, ...), found none. "
            f"If it shows them: {VARIABLE}=kitty, iterm2 or sixel. Else: --pictures FOLDER"
        )
    return protocol


def _write_pictures(engine: Engine, folder: Path, pages: Sequence[tuple[PageRef, list[Box]]], *, quiet: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for rank, (ref, boxes) in enumerate(pages, start=1):
        target = folder / f"{rank:02d}-{page_image_filename(ref)}"
        try:
            _require_no_document(engine, target)
            target.write_bytes(engine.page_image(ref, boxes=boxes))
        except NotFound as exc:  # the other pages are still written
            err.print(f"pagelens: {printable(str(exc))}", markup=False, soft_wrap=True)
            continue
        if not quiet:
            out.print(str(target), soft_wrap=True, markup=False)
