"""The worked example of docs/products.md: filters, ranges, groups and facets over 60 products."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import pagelens
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine.arranged_results import Arrangement
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import SearchResults
from pagelens.api.server.app import create_app
from pagelens.api.server.service import open_service
from pagelens.core.settings import Settings
from pagelens.core.types import Filters
from tests.api.products import CATEGORIES, Product, products, write_products
from tests.api.server.browser import CHROMIUM, Browser
from tests.api.server.processes import ServerProcess

ALL = products()


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_products(tmp_path_factory.mktemp("shop")).parent


@pytest.fixture(scope="module")
def embedded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection below the folder of a server, in its own folder."""
    collection = tmp_path_factory.mktemp("collections") / "shop"
    table = folder / "products.csv"
    options = ("--profile", "builtin", "--ocr", "never", "--workers", "0", "--metadata", table)
    assert run("index", folder, "-c", collection, *options) == ExitCode.DONE
    return collection


@pytest.fixture(scope="module", params=["embedded", "qdrant"])
def collection(request: pytest.FixtureRequest, embedded: Path) -> Path:
    """The same collection on both stores; Qdrant in its local mode."""
    if request.param == "embedded":
        return embedded
    pytest.importorskip("qdrant_client")
    copy = embedded.parent / "shop-qdrant"
    if not copy.exists():
        assert run("copy", "-c", embedded, "--to", copy, "--store", "qdrant") == ExitCode.DONE
    return copy


@pytest.fixture(scope="module")
def engine(collection: Path) -> Iterator[Engine]:
    with pagelens.open(collection) as engine:
        yield engine


@pytest.fixture(scope="module")
def client(collection: Path) -> Iterator[TestClient]:
    service = open_service(collection.parent, Settings(threads=1), with_worker=False)
    with TestClient(create_app(service, keyless=True), base_url="http://127.0.0.1") as client:
        yield client


def names(results: SearchResults) -> list[str]:
    return [Path(hit.ref.path).name for hit in results.hits]


QUERIES = [
    (["category=LAMP"], {"category": "LAMP"}, lambda p: p.category == "lamp"),
    (["price=10..50"], {"price": "10..50"}, lambda p: 10 <= p.price <= 50),
    (["price<10"], {"price": "<10"}, lambda p: p.price < 10),
    (["price=5"], {"price": "5.00"}, lambda p: p.price == 5),
    (["year>=2019"], {"year": ">=2019"}, lambda p: p.year >= 2019),
    (["year>2017", "year<2020"], {"year": [">2017", "<2020"]}, lambda p: p.year in (2018, 2019)),
    (["released=2019"], {"released": "2019"}, lambda p: p.year == 2019),
    (["released=2016-02..2016-06"], {"released": "2016-02..2016-06"},
     lambda p: "2016-02" <= p.released[:7] <= "2016-06"),
    (["released>2021"], {"released": ">2021"}, lambda p: p.year == 2022),
    (["tags=eco"], {"tags": "eco"}, lambda p: "eco" in p.tag_list),
    (["category!=lamp", "price=..20"], {"category": "!=lamp", "price": "..20"},
     lambda p: p.category != "lamp" and p.price <= 20),
    (["title=*vase*"], {"title": "*vase*"}, lambda p: p.category == "vase"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "conditions", "holds"), QUERIES)
def test_filters_and_ranges_find_the_same_products_over_python_cli_and_http(
    engine: Engine, client: TestClient, collection: Path, capsys: pytest.CaptureFixture[str],
    options: list[str], conditions: dict[str, Any], holds: Any,
) -> None:  # fmt: skip
    wanted = sorted(product.file for product in ALL if holds(product))
    assert 0 < len(wanted) < len(ALL)
    assert sorted(names(engine.search("a lamp", k=60, filters=Filters(metadata=conditions)))) == wanted
    metas = [part for option in options for part in ("--meta", option)]
    assert run("search", "a lamp", "-c", collection, "-k", 60, "--json", *metas) == ExitCode.DONE
    assert sorted(Path(hit["ref"]["path"]).name for hit in json.loads(capsys.readouterr().out)["hits"]) == wanted
    body = {"query": "a lamp", "k": 60, "filters": {"metadata": conditions}}
    reply = client.post(f"/v1/collections/{collection.name}/search", json=body).json()
    assert sorted(hit["name"] for hit in reply["hits"]) == wanted
    assert reply["pages_searched"] == len(wanted)


def test_without_a_query_every_product_that_matches_is_listed_in_the_order_of_a_field(
    engine: Engine, collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chairs = sorted((p for p in ALL if p.category == "chair"), key=lambda p: p.price)
    filters = Filters(metadata={"category": "chair"})
    assert names(engine.search(k=60, filters=filters, arrangement=Arrangement(sort="price"))) == [
        p.file for p in chairs
    ]
    highest = engine.search("chair", k=3, filters=filters, arrangement=Arrangement(sort="-price"))
    assert names(highest) == [p.file for p in chairs[:-4:-1]]
    assert run("search", "-c", collection, "--meta", "category=chair", "--sort", "price", "--json") == ExitCode.DONE
    hits = json.loads(capsys.readouterr().out)["hits"]
    assert [hit["fields"]["price"] for hit in hits] == [p.price for p in chairs]


def test_groups_hold_the_best_products_of_each_category_and_count_all_of_them(
    engine: Engine, client: TestClient, collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filters = Filters(metadata={"price": "10..50"})
    counts = Counter(p.category for p in ALL if 10 <= p.price <= 50)
    results = engine.search("a lamp", filters=filters, arrangement=Arrangement(group_by="category", per_group=3))
    assert {group.value: group.files for group in results.groups} == counts
    ranked = names(engine.search("a lamp", k=60, filters=filters))
    category = {p.file: p.category for p in ALL}
    for group in results.groups:
        best = [name for name in ranked if category[name] == group.value][:3]
        assert [names(results)[rank - 1] for rank in group.ranks] == best
    options = ("--meta", "price=10..50", "--group-by", "category", "--per-group", 3, "--json")
    assert run("search", "a lamp", "-c", collection, *options) == ExitCode.DONE
    printed = json.loads(capsys.readouterr().out)
    assert [Path(hit["ref"]["path"]).name for hit in printed["hits"]] == names(results)
    body = {"query": "a lamp", "filters": {"metadata": {"price": "10..50"}}, "group_by": "category", "per_group": 3}
    reply = client.post(f"/v1/collections/{collection.name}/search", json=body).json()
    assert [hit["name"] for hit in reply["hits"]] == names(results)
    assert [group["ranks"] for group in reply["groups"]] == [group["ranks"] for group in printed["groups"]]


def test_facets_count_every_product_that_matches_however_few_are_shown(engine: Engine, client: TestClient,
    collection: Path,
) -> None:  # fmt: skip
    matching = [p for p in ALL if p.year >= 2019]
    results = engine.search(
        "a lamp", k=2, filters=Filters(metadata={"year": ">=2019"}), arrangement=Arrangement(facets=["*"])
    )
    facets = {facet.field: facet for facet in results.facets}
    assert dict(facets["category"].values) == Counter(p.category for p in matching)
    assert dict(facets["tags"].values) == Counter(tag for p in matching for tag in p.tag_list)
    assert (facets["price"].minimum, facets["price"].maximum) == (
        min(p.price for p in matching),
        max(p.price for p in matching),
    )
    assert facets["released"].minimum == min(p.released for p in matching)
    assert {facet.files for facet in results.facets} == {len(matching)}
    body = {"query": "a lamp", "k": 2, "filters": {"metadata": {"year": ">=2019"}}, "facets": ["category"]}
    [facet] = client.post(f"/v1/collections/{collection.name}/search", json=body).json()["facets"]
    assert {one["value"]: one["files"] for one in facet["values"]} == Counter(p.category for p in matching)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"query": "lamp", "sort": "weight"}, "expected a metadata field among category, "),
        ({"query": "lamp", "group_by": "weight"}, "found 'weight'"),
        ({"query": "lamp", "facets": ["weight"]}, "found 'weight'"),
        ({"query": "lamp", "filters": {"metadata": {"price": "cheap..50"}}}, "expected a number in the range"),
        ({"query": "lamp", "filters": {"metadata": {"category": ">5"}}}, "a text field"),
        ({"query": ""}, "expected a query of at least one word, a picture, or filters"),
    ],
)
def test_fields_and_ranges_that_cannot_be_are_refused_over_http(
    client: TestClient, collection: Path, body: dict[str, Any], message: str
) -> None:
    reply = client.post(f"/v1/collections/{collection.name}/search", json=body)
    assert reply.status_code in (400, 422), reply.text
    assert message in reply.json()["detail"]


def test_pages_of_a_sorted_listing_follow_each_other_over_http(client: TestClient, collection: Path) -> None:
    body: dict[str, Any] = {"query": "lamp", "sort": "price", "k": 25}
    prices: list[float] = []
    cursor = None
    while True:
        reply = client.post(f"/v1/collections/{collection.name}/search", json={**body, "cursor": cursor}).json()
        prices += [hit["fields"]["price"] for hit in reply["hits"]]
        cursor = reply["next_cursor"]
        if cursor is None:
            break
    assert prices == sorted(p.price for p in ALL)


def test_the_look_of_a_lamp_is_completed_by_the_likest_product_of_each_other_category(
    engine: Engine, folder: Path
) -> None:
    results = engine.search(
        image=folder / "p000.png",
        filters=Filters(metadata={"category": "!=lamp", "price": "..60"}),
        arrangement=Arrangement(group_by="category", per_group=1),
    )
    assert {group.value for group in results.groups} == set(CATEGORIES) - {"lamp"}
    assert len(results.hits) == 5
    product: dict[str, Product] = {p.file: p for p in ALL}
    assert all(product[name].price <= 60 for name in names(results))


def test_the_table_is_no_document_and_types_are_inferred(engine: Engine) -> None:
    with engine.snapshot() as snapshot:
        assert not any(path.endswith(".csv") for row in snapshot.documents.values() for path in row.paths)
        types = {name: field.type for name, field in snapshot.fields.items()}
    assert types == {
        "title": "text", "description": "text", "category": "text", "price": "number", "year": "number",
        "released": "date", "tags": "list",
    }  # fmt: skip


def test_the_commands_print_what_was_joined_and_the_fields(
    embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "prices.csv"
    table.write_text("sku,Price\nP001,42\np998.png,3\np999,7\n")
    before = products()[1].price
    assert run("metadata", table, "-c", embedded) == ExitCode.USAGE
    assert "--metadata-key COLUMN" in capsys.readouterr().err.replace("\n", " ")
    assert run("metadata", table, "-c", embedded, "--metadata-key", "sku") == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "3 rows for 1 file. Fields: price (number)." in printed
    assert "row 2, 'p998.png': no indexed file has this name" in printed
    assert "row 3, 'p999'" in printed
    assert "59 files without a row" in printed
    assert run("search", "-c", embedded, "--meta", "price=42", "--group-by", "category") == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "chair: 1 page of " in printed
    assert "price: 42" in printed
    table.write_text(f"sku,price\np001,{before}\n")
    assert run("metadata", table, "-c", embedded, "--metadata-key", "sku") == ExitCode.DONE
    capsys.readouterr()
    assert run("metadata", "-c", embedded) == ExitCode.DONE
    assert "category (text): 60 files" in capsys.readouterr().out


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_the_web_page_counts_values_and_narrows_by_them(embedded: Path, tmp_path: Path) -> None:
    server, browser = ServerProcess(embedded.parent), Browser(tmp_path / "profile")
    facts = "[...document.querySelectorAll('.card')].map((card) => card.innerText)"
    try:
        browser.open(f"{server.address}/#in={embedded.name}&q=lamp")
        browser.wait("document.querySelectorAll('#facets button').length")
        buttons = browser.value("[...document.querySelectorAll('#facets button')].map((one) => one.textContent)")
        assert {"chair 10", "rug 10", "sale 60", "eco 20"} <= set(buttons)
        browser.value("[...document.querySelectorAll('#facets button')].find((b) => b.textContent == 'rug 10').click()")
        browser.wait("document.getElementById('message').textContent.includes('of 10 pages')")
        browser.value(
            "(() => { const high = document.querySelector('[aria-label=\"price to\"]');"
            " high.value = '50'; high.dispatchEvent(new Event('change')); })()"
        )
        rugs = sorted(p.price for p in ALL if p.category == "rug" and p.price <= 50)
        browser.wait(f"document.getElementById('message').textContent.includes('of {len(rugs)} pages')")
        browser.value(
            "(() => { const sort = document.getElementById('sort');"
            " sort.value = '-price'; sort.dispatchEvent(new Event('change')); })()"
        )
        browser.wait(f"{facts}[0]?.includes('{rugs[-1]:g}')")
        assert len(browser.value(facts)) == len(rugs)
        assert browser.errors == []
    finally:
        browser.close()
        server.stop()


def test_searched_columns_are_found_by_words_and_no_vector_changes(collection: Path, folder: Path) -> None:
    table, wanted = folder / "products.csv", sorted(p.file for p in ALL if "zirconium" in p.description)

    def found(engine: Engine) -> list[str]:
        return sorted(names(engine.search("zirconium", k=60, lanes=["words"])))

    def vectors(engine: Engine) -> dict[str, list[float]]:
        with engine.snapshot() as snapshot:
            rows = snapshot.documents
            parts = {row.path: snapshot.vectors("image").parts_of([key]) for key, row in rows.items()}
        return {path: part[0][1].vectors[0].tolist() for path, part in parts.items()}

    with pagelens.open(collection) as engine:
        assert found(engine) == []
        before = vectors(engine)
        engine.load_metadata(table, searched=["title", "description"])
        assert found(engine) == wanted
        assert vectors(engine) == before
        assert engine.check(deep=True) == []
        original = (folder / wanted[0]).read_bytes()
        for data in ((folder / "p001.png").read_bytes() + b"changed", original):  # the row belongs to the path
            (folder / wanted[0]).write_bytes(data)
            report = engine.index([folder], workers=0, excluded=[table])
            assert (report.documents, report.unchanged) == (1, 59)
            assert found(engine) == wanted
        engine.load_metadata(table, searched=[])
        assert found(engine) == []
