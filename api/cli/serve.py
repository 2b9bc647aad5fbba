"""`pagelens serve` and `pagelens keys`. The web framework is loaded when a server is started, not before."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, JsonOption, LanguageModelOption
from pagelens.api.engine import wiring
from pagelens.api.server.auth.keys import Keys
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.core.errors import UsageError

Root = Annotated[
    Path | None, typer.Option("--collections", help="A folder of collections; the one meant by default is `default`.")
]
One = Annotated[
    Path, typer.Option("--collection", "-c", envvar="PAGELENS_COLLECTION", help="Serve this collection alone.")
]

keys_app = typer.Typer(help="Keys for the server: who may do what.", no_args_is_help=True)


def serve(
    collections: Root = None,
    collection: One = DEFAULT_COLLECTION,
    host: Annotated[str, typer.Option(help="Another address than loopback needs keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8000,
    keyless: Annotated[
        bool,
        typer.Option("--keyless", help="Ask nobody for a key: loopback only, and only where no key was ever made."),
    ] = False,
    allow_path: Annotated[
        list[Path] | None, typer.Option(help="Files below this folder may be indexed by their path. May repeat.")
    ] = None,
    model: LanguageModelOption = None,
    patience: Annotated[
        float, typer.Option(min=0.1, help="Seconds that a search may wait for its turn; who would wait longer is told.")
    ] = 10.0,
    keep: Annotated[int, typer.Option(min=0, help="Results kept for those who ask the same; 0: none.")] = 512,
    micro_batching: Annotated[
        bool, typer.Option(help="Do what several ask of a model, or of an index, at once as one.")
    ] = True,
) -> int:
    """Serve collections over HTTP: search, answers, pages, uploads."""
    from pagelens.api.server.limits import ServerLimits
    from pagelens.api.server.middleware.authentication import is_loopback
    from pagelens.api.server.service import open_service
    from pagelens.api.server.serving import run

    root, default, only = _place(collections, collection)
    _require_folders(allow_path or [])
    settings = wiring.read_settings()
    settings = replace(settings, micro_batching=settings.micro_batching and micro_batching)
    service = open_service(root, settings, default=default, only=only, roots=tuple(allow_path or ()), llm=model)
    where = f"--collections {collections}" if collections else f"-c {collection}"
    if problem := _key_problem(service.keys, host=host, local=is_loopback(host), keyless=keyless, where=where):
        service.database.close()
        raise UsageError(problem)
    run(service, host=host, port=port, keyless=keyless, limits=ServerLimits(patience=patience, kept_results=keep))
    return 0


@keys_app.command()
def create(
    scope: Annotated[str, typer.Option(help="read, write (also upload, remove), admin (also collections).")],
    collections: Root = None,
    collection: One = DEFAULT_COLLECTION,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only this collection, by name. May repeat.")] = None,
    name: Annotated[str, typer.Option(help="Whose it is.")] = "",
) -> int:
    """Make a key. It is printed once, and cannot be read again."""
    print(_keys(collections, collection).create(scope, collections=only or (), name=name))
    return 0


@keys_app.command("list")
def list_keys(collections: Root = None, collection: One = DEFAULT_COLLECTION, json_output: JsonOption = False) -> int:
    """List the keys, never their secrets."""
    found = _keys(collections, collection).list_all()
    if json_output:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return 0
    for one in found:
        state = f"revoked {one.revoked}" if one.revoked else "live"
        inside = ", ".join(one.collections) or "all collections"
        line = f"{one.id}  {one.scope:<5}  {inside}  {one.created[:10]}  {state}  {one.name}"
        terminal.out.print(line.rstrip(), markup=False, soft_wrap=True)
    return 0


@keys_app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, as `keys list` tells it.")],
    collections: Root = None,
    collection: One = DEFAULT_COLLECTION,
) -> int:
    """Make a key worthless, at once."""
    _keys(collections, collection).revoke(key.removeprefix("plk_").partition("_")[0])
    print(f"revoked {key}", file=sys.stderr)
    return 0


def _keys(collections: Path | None, collection: Path) -> Keys:
    root, _, _ = _place(collections, collection)
    folder = ServerFolder(root)
    folder.make()
    return Keys(Database(folder.database))


def _key_problem(keys: Keys, *, host: str, local: bool, keyless: bool, where: str) -> str:
    """Return why a server cannot be started with the keys there are, or ""."""
    make = f"pagelens keys create --scope read {where}"
    if keyless and not local:
        return f"expected a loopback address with --keyless, found {host}, which others can reach. Make a key: {make}"
    if keyless and keys.any_created():
        return (
            "expected no key with --keyless, found that keys were made for this server (revoked ones count): "
            "somebody wanted it closed. Start it without --keyless; keys: pagelens keys list " + where
        )
    if not keyless and not keys.any_valid():
        on_loopback = ", or serve this machine alone without keys: --keyless" if local else ""
        return f"expected at least one live key to serve on {host}, found none. Make one: {make}{on_loopback}"
    return ""


def _place(collections: Path | None, collection: Path) -> tuple[Path, str, bool]:
    """Return the folder of collections, the default one, and whether it is the only one."""
    if collections is not None:
        return collections.absolute(), "default", False
    one = collection.absolute()
    return one.parent, one.name, True


def _require_folders(paths: list[Path]) -> None:
    missing = [str(path) for path in paths if not path.is_dir()]
    if missing:
        raise UsageError(f"expected folders that exist with --allow-path, found none at: {', '.join(missing)}")
