"""Passages that cross a page end: results name both pages, and a model that sees is shown both."""

from collections.abc import Iterator

import pytest

import pagelens
from pagelens.api.cli import terminal
from pagelens.api.cli.search_output import print_results
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import FoundPage, as_json
from pagelens.core.types import Filters, PageRef
from tests.api.files import write_pdf
from tests.generate.model_server import Complete, running

PAGES = [
    "The yard stood at the bend of the river.\nIt had two slips and a forge.",
    "The keel of the frigate was laid in March.\nAll of the timber for the hull came from the",
    "royal forests behind the town, by river.\nIts masts were bought abroad.",
    "She was launched in June.\nThe whole town came to see it.",
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("continuations")
    file = write_pdf(folder / "frigate.pdf", PAGES)
    engine = pagelens.open(folder / "collection", create=True, profile="builtin")
    engine.index([file], workers=0)
    yield engine
    engine.close()


def best(engine: Engine, query: str) -> FoundPage:
    return engine.search(query, k=1).hits[0]


def test_a_hit_names_the_page_its_words_go_on_on_and_the_one_they_come_from(engine: Engine) -> None:
    keel, forests, launch = (best(engine, query) for query in ("keel timber hull", "royal forests", "launched in June"))
    path = keel.ref.path
    assert (keel.ref.number, keel.continued_from, keel.continues_on) == (2, None, PageRef(path, 3))
    assert (forests.ref.number, forests.continued_from, forests.continues_on) == (3, PageRef(path, 2), None)
    assert (launch.ref.number, launch.continued_from, launch.continues_on) == (4, None, None)
    assert as_json(keel)["continues_on"] == {"page": f"{path} p.3", "path": path, "number": 3}


def test_the_shell_says_on_which_page_a_hit_goes_on(engine: Engine) -> None:
    with terminal.out.capture() as printed:
        print_results(engine.search("keel timber hull", k=2))
    assert "continues on frigate.pdf p.3" in printed.get()
    assert "begins on frigate.pdf p.2" in printed.get()


def test_a_model_that_sees_is_shown_the_page_that_the_best_one_goes_on_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last ranked makes room for it; a filter that leaves it out does so here too."""
    question = "Which yard, with two slips and a forge, laid the keel of the frigate in March, timber for the hull?"
    ranked = [hit.ref.number for hit in engine.search(question, k=4).hits]
    assert ranked[0] == 2 and ranked[1] != 3
    context_pages = []
    with running() as server:
        monkeypatch.setenv("PAGELENS_LLM_MODEL", "tiny")
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        with wiring.open_collection(engine.layout.root) as opened:
            for filters in (Filters(), Filters(last_page=2)):
                server.replies = [Complete(["It came from the royal forests [2]."])]
                context_pages.append([ref.number for ref in opened.ask(question, k=2, filters=filters).context_pages])
    assert context_pages == [[2, 3], [2, 1]]
