"""What a collection holds over HTTP: documents by kind, year, folder and label; photos by month and place; a list of
documents that is sorted and found in."""

from io import BytesIO
from typing import Any

import pymupdf
import pytest
from PIL import Image

from pagelens.api.engine.document_counts import FolderNames
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.example_questions import example_questions
from pagelens.core.types import Document
from pagelens.index.catalog.reads import DocumentRow
from tests.api.server.conftest import Server, Started
from tests.api.server.mixed_files import write_mixed_folder


@pytest.fixture(scope="module")
def mixed(start: Started, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with the mixed folder, and one upload."""
    folder = write_mixed_folder(tmp_path_factory.mktemp("mixed").resolve())
    server = start(roots=(folder,))
    server.client.post("/v1/documents", data={"paths": str(folder)})
    picture = BytesIO()
    Image.linear_gradient("L").resize((50, 40)).convert("RGB").save(picture, "PNG")
    server.upload({"sent.png": picture.getvalue()})
    server.worker.drain()
    return server


def counts(server: Server, **filters: Any) -> Any:
    return server.client.post("/v1/counts", json={"filters": filters}).json()


def names(server: Server, **query: Any) -> list[str]:
    """Return the names of the documents in the order listed, over all pages of two."""
    found: list[str] = []
    cursor = None
    while True:
        given = {**query, "limit": 2, **({"cursor": cursor} if cursor else {})}
        part = server.client.get("/v1/documents", params=given).json()
        found += [one["name"] for one in part["documents"]]
        cursor = part["next_cursor"]
        if cursor is None:
            assert part["total"] == len(found)
            return found


def test_documents_are_counted_by_kind_year_and_folder(mixed: Server) -> None:
    found = counts(mixed)
    assert found["documents"] == 8
    assert found["kinds"] == {"photo": 6, "pdf": 2}
    assert {year: found["years"][year] for year in ("2019", "2021")} == {"2019": 2, "2021": 2}
    assert found["folders"] == {"": 1, "home": 1, "papers": 2, "trips/2019": 2, "trips/2021": 2}


def test_each_count_leaves_out_the_filter_of_its_own_kind(mixed: Server) -> None:
    found = counts(mixed, kinds=["photo"], folder="trips", since="2021-01-01")
    assert found["documents"] == 2
    assert found["kinds"] == {"photo": 2}
    assert found["years"] == {"2021": 2, "2019": 2}
    assert found["folders"] == {"trips/2021": 2}
    assert counts(mixed, kinds=["photo"], folder="papers")["kinds"] == {"pdf": 2}


def test_a_search_is_narrowed_to_a_folder_and_all_below_it(mixed: Server) -> None:
    def found(folder: str) -> set[str]:
        body = {"query": "", "k": 50, "filters": {"folder": folder}}
        return {hit["name"] for hit in mixed.client.post("/v1/search", json=body).json()["hits"]}

    assert found("trips") == {"tower.jpg", "bridge.jpg", "forum.jpg", "shrine.jpg"}
    assert found("trips/2019") == {"tower.jpg", "bridge.jpg"}
    assert found("tri") == set()


def test_a_filter_may_name_every_kind(mixed: Server) -> None:
    kinds = ["photo", "pdf", "book", "text", "office", "drawing", "xps"]
    assert counts(mixed, kinds=kinds)["documents"] == 8


def test_documents_are_sorted_found_by_name_and_listed_by_folder_and_kind(mixed: Server) -> None:
    by_name = ["bridge.jpg", "cat.jpg", "forum.jpg", "harbour.pdf", "sent.png", "shrine.jpg", "tides.pdf", "tower.jpg"]
    assert names(mixed, sort="name") == by_name
    assert names(mixed, sort="-name") == by_name[::-1]
    assert names(mixed, sort="-pages")[0] == "harbour.pdf"
    assert names(mixed, sort="date", folder="trips") == ["tower.jpg", "bridge.jpg", "forum.jpg", "shrine.jpg"]
    assert names(mixed, sort="name", name="SANDVIK") == ["harbour.pdf"]  # by its title
    assert names(mixed, sort="name", kind="pdf", folder="papers") == ["harbour.pdf", "tides.pdf"]
    assert names(mixed, folder="trip") == names(mixed, problems=True) == []
    sizes = [one["size"] for one in mixed.client.get("/v1/documents?sort=-size").json()["documents"]]
    assert sizes == sorted(sizes, reverse=True)
    [cat] = mixed.client.get("/v1/documents?name=cat").json()["documents"]
    assert (cat["folder"], cat["problems"]) == ("home", [])


def test_files_that_could_not_be_read_are_listed_with_the_reason(mixed: Server) -> None:
    answer = mixed.client.get("/v1/unread").json()
    assert answer["total"] == 1
    assert answer["files"][0]["name"] == "broken.pdf" and answer["files"][0]["reason"]


def test_photos_are_listed_the_latest_first_by_month_and_area(mixed: Server) -> None:
    def found(**query: Any) -> list[str]:
        return [one["name"] for one in mixed.client.get("/v1/photos", params=query).json()["photos"]]

    dated = ["shrine.jpg", "forum.jpg", "bridge.jpg", "tower.jpg"]
    assert found()[:4] == dated and set(found()[4:]) == {"cat.jpg", "sent.png"}
    assert found(month="2019-07") == ["bridge.jpg", "tower.jpg"]
    assert set(found(month="")) == {"cat.jpg", "sent.png"}
    assert found(south=40, north=50, west=0, east=20) == ["forum.jpg", "bridge.jpg", "tower.jpg"]
    assert found(south=-90, north=-60) == []
    first = mixed.client.get("/v1/photos?limit=2").json()
    second = mixed.client.get("/v1/photos", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["name"] for one in first["photos"] + second["photos"]] == dated and first["total"] == 6
    [tower] = mixed.client.get("/v1/photos?month=2019-07").json()["photos"][1:]
    assert (tower["width"], tower["height"], tower["date"]) == (90, 60, "2019-07-04T12:30:00")
    assert tower["place"].startswith("Paris") and tower["latitude"] == pytest.approx(48.8566, abs=1e-4)


def test_photos_are_counted_by_month_and_by_places_near_each_other(mixed: Server) -> None:
    found = mixed.client.get("/v1/photos/counts").json()
    assert (found["photos"], found["undated"]) == (6, 2)
    assert found["months"] == {"2021-11": 1, "2021-03": 1, "2019-07": 2}
    paris, *others = found["places"]
    assert (paris["photos"], paris["name"]) == (2, "Paris")
    assert paris["latitude"] == pytest.approx(48.8616, abs=1e-3)
    assert sorted(other["photos"] for other in others) == [1, 1]


def test_questions_to_begin_with_are_answered_by_the_page_they_came_from(mixed: Server) -> None:
    questions = mixed.client.get("/v1/questions").json()["questions"]
    named, nameless, place = questions
    assert nameless == "The rim of the shell grows by about how many millimetres during the first summer of life?"
    assert named == "The timber quay of Sandvik loaded how many tonnes of spruce for Hamburg during 2024?"
    answer = mixed.client.post("/v1/answer", json={"question": named}).json()
    assert "52,300" in answer["text"]
    assert place == "Tokyo"  # where the latest photo was taken

    def again(engine: Engine) -> list[str]:
        with engine.snapshot() as snapshot:
            return example_questions(snapshot, 3)

    assert mixed.service.use("default", again) == questions  # the same for one commit


def test_the_pdf_of_an_answer_has_its_text_and_its_pages_with_marks(mixed: Server) -> None:
    [harbour] = mixed.client.get("/v1/documents?name=harbour").json()["documents"]
    box = {"x0": 0.1, "y0": 0.1, "x1": 0.5, "y1": 0.2}
    source = {"page": f"{harbour['id']}-2", "mark": 1, "quote": "52,300 tonnes", "boxes": [box]}
    body = {"question": "How much? <b>", "text": "第一 – 52,300 tonnes [1]", "sources": [source]}
    answer = mixed.client.post("/v1/answer/pdf", json=body)
    assert answer.headers["content-type"] == "application/pdf"
    with pymupdf.open("pdf", answer.content) as pdf:
        assert len(pdf) == 2
        text = pdf[0].get_text()
        assert "How much? <b>" in text and "第一" in text and "[1] harbour.pdf, page 2: “52,300 tonnes”" in text
        pixels = pdf[1].get_pixmap()
        x, y = int(0.3 * pixels.width), int(0.15 * 0.97 * pixels.height)
        red, _, blue = pixels.pixel(x, y)
        assert red > 200 and blue < 160  # yellow
        assert "harbour.pdf, page 2" in pdf[1].get_text()
    missing = {**body, "sources": [{"page": f"{'0' * 64}-1", "mark": 1}]}
    assert mixed.client.post("/v1/answer/pdf", json=missing).status_code == 404


def row(*paths: str) -> DocumentRow:
    return DocumentRow(1, Document(sha256="0" * 64, kind="pdf", title="", page_count=1, size=1), paths)


def test_folders_are_named_from_the_folder_that_all_files_share() -> None:
    rows = [row("/data/a/x.pdf"), row("/data/a/b/y.pdf", "/data/c/y.pdf"), row("/srv/up/default/12ab/z.pdf")]
    names = FolderNames(rows, uploads="/srv/up")
    assert [names.of_row(one) for one in rows] == [{"a"}, {"a/b", "c"}, {""}]
    assert FolderNames([row("/data/a/x.zip / inner/y.pdf")], uploads="/up").of("/data/a/x.zip / inner/y.pdf") == ""
    assert FolderNames([], uploads="/up").of("/up/x") == ""
