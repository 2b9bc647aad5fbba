"""The table of keys, damaged: a key may then do nothing, and never more than it was given."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from pagelens.api.cli.main import main
from pagelens.api.server.auth.keys import KeyDamaged, KeyStore, Principal
from pagelens.api.server.server_folder import Database, ServerDatabaseDamaged, ServerFolder
from tests.api.server.conftest import Server, Started

HEADER, ROW = 12, 190  # bytes before a row's id, of SQLite; bytes from the id to the end of the checksum
MASKS = (0x01, 0x04, 0xFF)  # bits that are flipped in one byte after another


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "server.sqlite")


def edit(database: Database, **values: str | None) -> None:
    """Change all keys, past the code that writes checksums."""
    with database.writing() as connection:
        for column, value in values.items():
            connection.exec_driver_sql(f"UPDATE keys SET {column} = ?", (value,))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("scope", "admin"),
        ("scope", "sead"),
        ("collections", ""),
        ("collections", "minutes,secret"),
        ("name", "Eve"),
        ("created", "2020"),
        ("checksum", None),
        ("checksum", ""),
    ],
)
def test_a_key_whose_row_was_changed_is_refused(database: Database, column: str, value: str | None) -> None:
    keys = KeyStore(database)
    key = keys.create("read", collections=["minutes"], name="Ada")
    before = keys.identify(key)
    assert before is not None and (before.scope, before.collections) == ("read", frozenset({"minutes"}))
    edit(database, **{column: value})
    with pytest.raises(KeyDamaged, match="may do nothing"):
        keys.identify(key)
    assert [listed.damaged for listed in keys.list_all()] == [True]
    assert not keys.any_valid() and keys.any_created()


def test_a_revoked_key_does_not_become_valid_by_damage(database: Database) -> None:
    keys = KeyStore(database)
    key = keys.create("admin")
    keys.revoke(key.split("_")[1])
    assert keys.identify(key) is None
    edit(database, revoked=None)
    with pytest.raises(KeyDamaged):
        keys.identify(key)


def test_a_damaged_key_can_be_revoked_and_is_then_a_revoked_key(database: Database) -> None:
    keys = KeyStore(database)
    key = keys.create("read")
    edit(database, scope="admin")
    keys.revoke(key.split("_")[1])
    assert keys.identify(key) is None
    assert [(listed.damaged, listed.revoked is not None) for listed in keys.list_all()] == [(False, True)]


def identified(path: Path, key: str) -> Principal | None:
    """Return what a newly opened database says of a key."""
    opened = Database(path)
    try:
        return KeyStore(opened).identify(key)
    finally:
        opened.close()


def test_no_flipped_byte_of_a_row_lets_a_key_do_more_than_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "server.sqlite"
    database = Database(path)
    key = KeyStore(database).create("read", collections=["minutes"])
    given = KeyStore(database).identify(key)
    database.close()
    written = path.read_bytes()
    row = written.index(f"{key.split('_')[1]}{sha256(key.split('_', 2)[2].encode()).hexdigest()}".encode())
    refused = 0
    for at in range(row - HEADER, row + ROW):
        path.write_bytes(written[:at] + bytes([written[at] ^ MASKS[at % len(MASKS)]]) + written[at + 1 :])
        try:
            assert identified(path, key) in (None, given), at
        except (KeyDamaged, ServerDatabaseDamaged):
            refused += 1
    assert refused > ROW // 2  # a flipped hash or id makes the key an unknown one


def test_keys_of_an_older_version_get_their_checksums_once(tmp_path: Path) -> None:
    path = tmp_path / "server.sqlite"
    database = Database(path)
    key = KeyStore(database).create("read", collections=["minutes"])
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE keys DROP COLUMN checksum")
    database.close()
    opened = Database(path)
    assert KeyStore(opened).identify(key) is not None
    edit(opened, checksum=None)
    opened.close()
    with pytest.raises(KeyDamaged):
        identified(path, key)


def test_over_http_and_in_the_shell_a_damaged_key_is_named(start: Started, capsys: pytest.CaptureFixture[str]) -> None:
    server: Server = start(keyless=False)
    key = KeyStore(server.service.database).create("read", collections=["minutes"])
    edit(server.service.database, collections="")
    answer = server.client.get("/v1/collections", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:pagelens:problem:key-damaged")
    assert key.split("_", 2)[2] not in answer.text
    where = ["--collections", str(ServerFolder(server.service.collections.root).collections)]
    assert main(["keys", "list", *where]) == 0
    assert "damaged and refused" in capsys.readouterr().out
    main(["keys", "list", "--json", *where])
    assert [listed["damaged"] for listed in json.loads(capsys.readouterr().out)] == [True]
