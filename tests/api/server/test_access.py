"""Keys, scopes, collections, rates; and what is open without any."""

import importlib.util
import json
import logging
import re
import sqlite3
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from pagelens.api.server.auth.authorization import AuthorizedRoute, key_scope_of, require_authorized_routes
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.middleware.authentication import PUBLIC, is_loopback
from tests.api.server.conftest import Server, Started
from tests.api.server.processes import ROOT


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def guarded(start: Started, pdfs: dict[str, bytes]) -> tuple[Server, dict[str, str]]:
    """A server that asks for keys, and keys of every kind."""
    server = start(keyless=False, limits=ServerLimits(wrong_keys=10**6, burst=10**6))
    keys = server.service.keys
    made = {scope: keys.create(scope) for scope in ("read", "write", "admin")}
    server.service.collections.create("guides", "builtin")
    made["guides"] = keys.create("write", collections=["guides"])
    for name, url in (("harbour.pdf", "/v1/documents"), ("tides.pdf", "/v1/collections/guides/documents")):
        job = server.upload({name: pdfs[name]}, url=url, headers=bearer(made["admin"]))
        assert job
    server.worker.drain()
    return server, made


def test_without_a_valid_key_every_path_answers_401(guarded: tuple[Server, dict[str, str]]) -> None:
    server, keys = guarded
    wrong = keys["read"][:-2] + ("AA" if not keys["read"].endswith("AA") else "BB")
    for headers in ({}, bearer("nonsense"), bearer(wrong), {"Authorization": f"Basic {keys['read']}"}):
        for method, url in (("GET", "/v1/documents"), ("POST", "/v1/search"), ("GET", "/openapi.json"), ("GET", "/x")):
            answer = server.client.request(method, url, headers=headers)
            assert answer.status_code == 401, (headers, url)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["type"] == "urn:pagelens:problem:key-needed"
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("scope", "method", "url", "allowed"),
    [
        ("read", "GET", "/v1/documents", True),
        ("read", "POST", "/v1/search", True),
        ("read", "POST", "/v1/extract", True),
        ("read", "POST", "/v1/documents", False),
        ("read", "DELETE", f"/v1/documents/{'0' * 64}", False),
        ("read", "POST", f"/v1/jobs/{'0' * 32}/cancel", False),
        ("read", "GET", "/metrics", False),
        ("write", "POST", "/v1/documents", True),
        ("write", "POST", "/v1/collections", False),
        ("write", "DELETE", "/v1/collections/guides", False),
        ("admin", "POST", "/v1/collections", True),
        ("admin", "GET", "/metrics", True),
    ],
)
def test_each_scope_allows_its_operations_and_no_others(
    guarded: tuple[Server, dict[str, str]], scope: str, method: str, url: str, allowed: bool
) -> None:
    server, keys = guarded
    answer = server.client.request(method, url, headers=bearer(keys[scope]))
    assert (answer.status_code != 403) == allowed
    assert answer.status_code != 401


def test_a_key_of_one_collection_reveals_no_page_job_or_name_of_another(
    guarded: tuple[Server, dict[str, str]],
) -> None:
    server, keys = guarded
    mine, all_of_it = bearer(keys["guides"]), bearer(keys["admin"])
    [foreign] = server.client.get("/v1/documents", headers=all_of_it).json()["documents"]
    page = f"{foreign['id']}-1"
    for url in ("/v1/documents", f"/v1/pages/{page}", f"/v1/pages/{page}/image", f"/v1/documents/{foreign['id']}/file"):
        assert server.client.get(url, headers=mine).status_code == 403, url
        assert server.client.get(url.replace("/v1", "/v1/collections/default"), headers=mine).status_code == 403, url
        inside = server.client.get(url.replace("/v1", "/v1/collections/guides"), headers=mine)
        assert inside.status_code == (200 if url == "/v1/documents" else 404), url
    assert server.client.get("/v1/collections/nowhere", headers=mine).status_code == 403  # there or not: the same
    names = [one["name"] for one in server.client.get("/v1/collections", headers=mine).json()["collections"]]
    assert names == ["guides"]
    jobs = server.client.get("/v1/jobs", headers=all_of_it).json()["jobs"]
    seen = server.client.get("/v1/jobs", headers=mine).json()["jobs"]
    assert {job["collection"] for job in jobs} == {"default", "guides"}
    assert {job["collection"] for job in seen} == {"guides"}
    [hidden] = [job["id"] for job in jobs if job["collection"] == "default"]
    assert server.client.get(f"/v1/jobs/{hidden}", headers=mine).status_code == 404
    assert server.client.post(f"/v1/jobs/{hidden}/cancel", headers=mine).status_code == 404


def test_keys_are_hashed_at_rest_and_worthless_once_revoked(guarded: tuple[Server, dict[str, str]]) -> None:
    server, _ = guarded
    key = server.service.keys.create("read", name="visitor")
    assert server.client.get("/v1/documents", headers=bearer(key)).status_code == 200
    dump = "\n".join(sqlite3.connect(server.service.folder.database).iterdump())
    assert key.split("_", 2)[1] in dump
    assert key.split("_", 2)[2] not in dump
    server.service.keys.revoke(key.split("_")[1])
    assert server.client.get("/v1/documents", headers=bearer(key)).status_code == 401


def test_wrong_keys_from_one_address_are_limited(start: Started) -> None:
    server = start(keyless=False, limits=ServerLimits(wrong_keys=5))
    server.service.keys.create("read")
    answers = [server.client.get("/v1/documents", headers=bearer(f"plk_{n:012x}_{'a' * 43}")) for n in range(9)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 4
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_requests_of_one_key_are_limited(start: Started) -> None:
    server = start(keyless=False, limits=ServerLimits(rate=0.001, burst=3))
    one, two = server.service.keys.create("read"), server.service.keys.create("read")
    statuses = [server.client.get("/v1/jobs", headers=bearer(one)).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert server.client.get("/v1/jobs", headers=bearer(two)).status_code == 200


def test_once_a_key_was_created_loopback_needs_one_too(start: Started) -> None:
    server = start(keyless=True)
    server.service.keys.create("read")
    assert server.client.get("/v1/documents").status_code == 401


def test_a_server_whose_last_key_was_revoked_stays_closed(start: Started) -> None:
    server = start(keyless=True)
    key = server.service.keys.create("read")
    server.service.keys.revoke(key.split("_")[1])
    for method, url in (("GET", "/v1/documents"), ("GET", "/metrics"), ("POST", "/v1/collections")):
        assert server.client.request(method, url).status_code == 401, url


def test_without_the_option_a_server_that_never_had_a_key_is_closed(start: Started) -> None:
    assert start(keyless=False).client.get("/v1/documents").status_code == 401


def test_another_name_that_leads_here_is_refused_without_keys(server: Server) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "[", ""):
        assert server.client.get("/v1/documents", headers={"Host": host}).status_code == 421, host
    for host in ("localhost:8000", "127.0.0.1", "[::1]:9"):
        assert server.client.get("/v1/documents", headers={"Host": host}).status_code == 200, host


def test_pages_of_other_sites_are_refused_and_no_header_invites_them(server: Server) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = server.client.post("/v1/search", json={"query": "timber"}, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:pagelens:problem:cross-origin")
    preflight = server.client.options(
        "/v1/search", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 403
    assert not [name for name in preflight.headers if name.startswith("access-control")]
    own = server.client.post("/v1/search", json={"query": "timber"}, headers={"Origin": "http://127.0.0.1"})
    assert own.status_code == 200


# every spelling of an address that a parser of paths and a router may read differently
SUFFIXES = (
    "",
    "%0A",
    "%0a",
    "%0D",
    "%00",
    "%09",
    "%C2%85",
    "%E2%80%A8",
    "/",
    "//",
    "%2F",
    "%252F",
    "%2e",
    "/%2e",
    "/.",
)


def test_a_line_feed_behind_the_address_passes_no_limit(guarded: tuple[Server, dict[str, str]]) -> None:
    server, keys = guarded
    server.service.collections.create("secret", "builtin")
    only_default = bearer(server.service.keys.create("read", collections=["default"]))
    for suffix in SUFFIXES:
        answer = server.client.get(f"/v1/collections/secret/documents{suffix}", headers=only_default)
        assert answer.status_code in (400, 403, 404), suffix
    writer = bearer(keys["write"])
    for suffix in SUFFIXES:
        answer = server.client.post(f"/v1/collections{suffix}", headers=writer, json={"name": "made"})
        assert answer.status_code in (400, 403, 404, 405), suffix
    assert "made" not in server.service.collections.names()


def filled(path: str, *, collection: str) -> str:
    """Return an address of a route: every parameter has a value of its shape."""
    document = "0" * 64
    names = {"collection": collection, "model": "nothing"}
    values = {**names, "document": document, "page": f"{document}-1", "job": "0" * 32, "item": "0" * 16}
    return re.sub(r"{(\w+)(?::path)?}", lambda found: values[found[1]], path)


def routes(server: Server) -> list[tuple[str, str, str]]:
    """Return (method, path, least scope) of every route of the app, from the app itself."""
    app: Any = server.client.app
    rows = []
    for context in iter_route_contexts(app.routes):
        endpoint = context.original_route.endpoint  # type: ignore[attr-defined]
        rows += [(method, context.path or "", key_scope_of(endpoint)) for method in context.methods or {"POST"}]
    return sorted(rows)


def test_every_route_enforces_its_scope_for_every_key_and_spelling(guarded: tuple[Server, dict[str, str]]) -> None:
    server, keys = guarded
    table = routes(server)
    assert len(table) >= 40
    reach = {"public": -1, "read": 0, "write": 1, "admin": 2}
    for method, path, needed in table:
        address = filled(path, collection="guides")
        for suffix in SUFFIXES:
            for scope in ("read", "write"):
                if reach[scope] < reach[needed]:
                    answer = server.client.request(method, address + suffix, headers=bearer(keys[scope]))
                    assert answer.status_code in (400, 403, 404, 405), (method, address + suffix, scope)
            if needed != "public":
                answer = server.client.request(method, address + suffix)
                assert answer.status_code in (400, 401, 404), (method, address + suffix, "no key")


def test_every_route_enforces_a_keys_collections_for_every_spelling(guarded: tuple[Server, dict[str, str]]) -> None:
    server, _ = guarded
    elsewhere = bearer(server.service.keys.create("admin", collections=["elsewhere"]))
    of_one = [(method, path) for method, path, _ in routes(server) if "{collection}" in path]
    assert len(of_one) == 25
    for method, path in of_one:
        plain = server.client.request(method, filled(path, collection="guides"), headers=elsewhere)
        assert plain.status_code == 403, (method, path)
        for suffix in SUFFIXES[1:]:
            answer = server.client.request(method, filled(path, collection="guides") + suffix, headers=elsewhere)
            assert answer.status_code in (400, 403, 404, 405), (method, path, suffix)


# spellings of a parameter's value inside the path; those that decode to the value itself are the value
INSIDE = (
    *("{}%2e", "%2e%2e", "%2e%2e%2f{}", "{}%2f", "{}%2f..%2fdefault", "default%2f..%2f{}", "%2f{}", "{}%5c"),
    *("%252e%252e", "{}%252f", "%25{}", "{}%2500", "{};a=b", "{}%3f", "{}%23"),
    *("{}%E2%80%8B", "%EF%BC%8F{}", "{}%EF%BC%8E", "{}%CC%81", "%C0%AE", "{}%E2%80%A8", "{}%20"),
)


def spellings(path: str, *, collection: str) -> list[str]:
    """Return the addresses of a route with each parameter in turn written in each way of `INSIDE`."""
    plain = filled(path, collection=collection)
    values = sorted({part for part in plain.split("/") if part and f"/{part}" not in path})
    changed = [plain.replace(f"/{value}", "/" + variant.format(value), 1) for value in values for variant in INSIDE]
    encoded = [plain.replace(f"/{value}", f"/%{ord(value[0]):02x}{value[1:]}", 1) for value in values]
    return changed + encoded


def test_no_spelling_of_a_parameter_passes_a_scope(guarded: tuple[Server, dict[str, str]]) -> None:
    server, keys = guarded
    smaller = {"read": None, "write": "read", "admin": "write"}
    for method, path, needed in routes(server):
        for address in spellings(path, collection="guides"):
            scope = smaller[needed]
            headers = bearer(keys[scope]) if scope else {}
            answer = server.client.request(method, address, headers=headers)
            assert answer.status_code in (400, 401, 403, 404, 405), (method, address, scope)


def test_no_spelling_of_a_parameter_passes_a_keys_collections(guarded: tuple[Server, dict[str, str]]) -> None:
    server, _ = guarded
    elsewhere = bearer(server.service.keys.create("admin", collections=["elsewhere"]))
    for method, path, _ in routes(server):
        if "{collection}" in path:
            for address in spellings(path, collection="guides"):
                answer = server.client.request(method, address, headers=elsewhere)
                assert answer.status_code in (400, 403, 404, 405), (method, address)
    assert "guides" in server.service.collections.names()


def test_the_table_of_routes_is_current(server: Server) -> None:
    spec = importlib.util.spec_from_file_location("make_routes", ROOT / "docs" / "make_routes.py")
    assert spec is not None and spec.loader is not None
    make_routes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_routes)
    made = make_routes.routes_page(server.client.app)
    assert (ROOT / "docs" / "routes.md").read_text("utf-8") == made, "run: python docs/make_routes.py"


def test_a_route_that_states_no_scope_needs_the_most_and_one_that_authorizes_nobody_is_refused() -> None:
    assert key_scope_of(lambda: None) == "admin"
    app = FastAPI(openapi_url=None)
    app.router.route_class = AuthorizedRoute
    app.get("/stated")(lambda: None)
    require_authorized_routes(app)
    app.router.route_class = APIRoute
    app.get("/open")(lambda: None)
    with pytest.raises(TypeError, match="/open"):
        require_authorized_routes(app)


def test_the_public_routes_are_those_that_say_so(server: Server) -> None:
    assert {path for _, path, scope in routes(server) if scope == "public"} == set(PUBLIC)


def test_control_characters_in_an_address_are_400(server: Server) -> None:
    for char in ("%00", "%0A", "%0D", "%1F", "%7F", "%C2%85"):
        for path in (f"/v1/documents{char}", f"/v1/{char}documents", f"/healthz{char}", f"/v1/models/a{char}b"):
            answer = server.client.get(path)
            assert answer.status_code == 400, path
            assert "control characters" in answer.text, path


def test_loopback_is_known() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "::1", "[::1]", "localhost", "127.9.9.9"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", "", "1"))


def test_overload_is_503_with_retry_after_for_that_operation_only(start: Started, pdfs: dict[str, bytes]) -> None:
    server = start(limits=ServerLimits(answers=1, answers_waiting=0))
    app_state = server.client.app.state.shared  # type: ignore[attr-defined]
    server.add(pdfs)
    with app_state.answers.slot():
        answer = server.client.post("/v1/answer", json={"question": "Timber?"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"] == "urn:pagelens:problem:overloaded"
        assert server.client.post("/v1/search", json={"query": "timber"}).status_code == 200
    assert server.client.post("/v1/answer", json={"question": "Timber?"}).status_code == 200


def test_logs_contain_key_and_duration_but_no_query_and_every_change_is_audited(
    start: Started, pdfs: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    server = start(keyless=False)
    key = server.service.keys.create("admin")
    headers = {**bearer(key), "X-Request-Id": "request-77"}
    with caplog.at_level(logging.INFO, logger="pagelens"):
        server.upload(pdfs, headers=headers)
        server.worker.drain()
        answer = server.client.post("/v1/search", json={"query": "limpet tide"}, headers=headers)
        [one, _] = server.client.get("/v1/documents", headers=headers).json()["documents"]
        server.client.get(f"/v1/pages/{one['id']}-1/image?highlight=limpet", headers=headers)
        server.client.delete(f"/v1/documents/{one['id']}", headers=headers)
    assert answer.headers["x-request-id"] == "request-77"
    fields: list[Any] = [getattr(record, "fields", {}) for record in caplog.records]
    output = json.dumps(fields) + "".join(record.getMessage() for record in caplog.records)
    assert "limpet" not in output
    assert key.split("_", 2)[2] not in output
    answered = [one for one in fields if one.get("status") == 200]
    assert all(one["key"] == key.split("_")[1] and one["request"] == "request-77" for one in answered)
    audited = [record.getMessage() for record in caplog.records if record.name == "pagelens.audit"]
    assert audited == ["documents.add", "documents.remove"]
