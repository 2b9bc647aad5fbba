"""`pagelens serve` and `pagelens keys`."""

import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, JsonOption, LanguageModelOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable
from pagelens.api.server.auth.keys import KeyRecord, KeyStore
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.core import tracing
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings

if TYPE_CHECKING:
    from pagelens.api.server.process_supervisor import ProcessSupervisor
    from pagelens.api.server.service import Service

CollectionsOption = Annotated[
    Path | None, typer.Option("--collections", help="Serve a folder of collections; `default` is the default one.")
]
SingleCollectionOption = Annotated[
    Path, typer.Option("--collection", "-c", envvar="PAGELENS_COLLECTION", help="Serve this collection alone.")
]


class LogFormat(StrEnum):
    """How a server's log is written."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


keys_app = typer.Typer(rich_markup_mode=None, help="Manage the server's keys.", no_args_is_help=True)


def serve(
    collections: CollectionsOption = None,
    collection: SingleCollectionOption = DEFAULT_COLLECTION,
    host: Annotated[str, typer.Option(help="Any address but loopback needs keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8000,
    keyless: Annotated[
        bool,
        typer.Option("--keyless", help="Require no key: on loopback only, and only if no key was ever created."),
    ] = False,
    allow_path: Annotated[
        list[Path] | None, typer.Option(help="Files below this folder may be indexed by their path. May repeat.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="A browser app of this exact origin, like https://app.example, may call. May repeat."),
    ] = None,
    model: LanguageModelOption = None,
    max_wait: Annotated[
        float,
        typer.Option(
            min=0.1, help="Seconds that a search may wait for a free slot; if it would be longer, it gets 503."
        ),
    ] = 10.0,
    cached_results: Annotated[int, typer.Option(min=0, help="Searches whose results are cached; 0: none.")] = 512,
    feedback: Annotated[
        bool | None,
        typer.Option(
            "--feedback/--no-feedback",
            help="Keep which hits users open and judge, with the query and without who it was.",
            show_default="off, or as PAGELENS_FEEDBACK says",
        ),
    ] = None,
    micro_batching: Annotated[
        bool, typer.Option(help="Answer concurrent requests to a model or an index in one batch.")
    ] = True,
    traces: Annotated[
        bool,
        typer.Option(
            envvar="PAGELENS_TRACES", help="Send OpenTelemetry spans to the collector that OTEL_EXPORTER_OTLP_* name."
        ),
    ] = False,
    create_missing: Annotated[
        bool, typer.Option("--create", help="Make the collection, or the folder of collections, if it is not there.")
    ] = False,
    log: Annotated[LogFormat, typer.Option(help="auto: text in a terminal, JSON lines elsewhere.")] = LogFormat.AUTO,
    processes: Annotated[
        int,
        typer.Option(
            min=1, help="Processes that answer, for several cores; each loads the models and caches its own results."
        ),
    ] = 1,
    port_of_first: Annotated[int, typer.Option(hidden=True, help="The port of the process that started this one.")] = 0,
) -> int:
    """Serve collections over HTTP: search, answers, pages, uploads."""
    # before prometheus_client is imported
    metrics = _share_metrics() if processes > 1 and not port_of_first else None
    from pagelens.api.server.limits import ServerLimits
    from pagelens.api.server.middleware.cross_origin import require_origin
    from pagelens.api.server.service import open_service
    from pagelens.api.server.serving import run_server, spare_garbage_collection

    if traces:
        tracing.export_traces("pagelens")
    if not create_missing:
        _require_served(collections, collection)
    root, default, only = _resolve_collections(collections, collection)
    _require_folders(allow_path or [])
    origins = frozenset(allow_origin or ())
    for origin in sorted(origins):
        require_origin(origin)
    settings = _serving_settings(micro_batching=micro_batching, feedback=feedback)
    service = open_service(
        root,
        settings,
        default=default,
        only=only,
        roots=tuple(allow_path or ()),
        llm=model,
        with_worker=not port_of_first,
    )
    service.on_warm = spare_garbage_collection
    where = f"--collections {collections}" if collections else f"-c {collection}"
    _check_keys(service, host=host, keyless=keyless, where=where, tell=not port_of_first)
    try:
        run_server(
            service,
            host=host,
            port=port_of_first or port,
            keyless=keyless,
            limits=ServerLimits(search_max_wait=max_wait, cached_results=cached_results),
            origins=origins,
            log="text" if log is LogFormat.TEXT or (log is LogFormat.AUTO and sys.stderr.isatty()) else "json",
            further=lambda port: _further_processes(processes - 1, port) if metrics else (),
            first=not port_of_first,
            on_stop=metrics.cleanup if metrics else lambda: None,
        )
    except KeyboardInterrupt:
        # Everything is closed. A model that is still being loaded would abort an ordinary end.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    if service.is_warming:  # as above, where SIGINT is ignored, as in a shell's background jobs
        logging.shutdown()
        os._exit(ExitCode.DONE)
    return ExitCode.DONE


def _share_metrics() -> TemporaryDirectory[str]:
    """Have this process and those that it starts keep their metrics in a folder, which is returned."""
    folder = TemporaryDirectory(prefix="pagelens-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder.name
    return folder


def _further_processes(count: int, port: int) -> list["ProcessSupervisor"]:
    """Return supervisors of so many processes of the same command that serve the port too."""
    from prometheus_client.multiprocess import mark_process_dead

    from pagelens.api.server.process_supervisor import ProcessSupervisor
    from pagelens.api.server.serving import CAN_SHARE_PORT

    if not CAN_SHARE_PORT:
        raise UsageError("expected a system on which processes can share a port, found none. Leave --processes out.")
    command = [sys.executable, "-P", "-m", "pagelens", *sys.argv[1:], "--port-of-first", str(port)]
    return [
        ProcessSupervisor(command, name=f"process {number}", on_exit=mark_process_dead)
        for number in range(2, count + 2)
    ]


def _serving_settings(*, micro_batching: bool, feedback: bool | None) -> Settings:
    settings = wiring.read_settings()
    settings = replace(settings, micro_batching=settings.micro_batching and micro_batching)
    return replace(settings, feedback=settings.feedback if feedback is None else feedback)


def _require_served(collections: Path | None, collection: Path) -> None:
    """Raise UsageError unless what is to be served is there: a mistyped name would serve an empty collection."""
    if collections is not None and not collections.is_dir():
        raise UsageError(
            f"expected a folder of collections at {collections}, found none. Give --create to make it, empty."
        )
    if collections is None and not wiring.collection_exists(collection):
        raise UsageError(
            f"expected a collection at {collection}, found none. Make one: pagelens index FILES -c {collection}, or "
            "give --create to serve an empty one."
        )


def _check_keys(service: "Service", *, host: str, keyless: bool, where: str, tell: bool) -> None:
    """Raise UsageError where the server cannot start with the keys that there are; `tell`: print the valid ones."""
    from pagelens.api.server.middleware.authentication import is_loopback

    if problem := _key_problem(service.keys, host=host, local=is_loopback(host), keyless=keyless, where=where):
        service.database.close()
        raise UsageError(problem)
    valid = [key for key in service.keys.list_all() if key.revoked is None and not key.damaged]
    if tell and valid and sys.stderr.isatty():
        names = ", ".join(f"plk_{key.id}… ({key.scope}{f', {key.name}' if key.name else ''})" for key in valid)
        terminal.err.print(f"Callers need one of these keys: {printable(names)}", markup=False, soft_wrap=True)


@keys_app.command()
def create(
    scope: Annotated[str, typer.Option(help="read, write (also upload, remove), admin (also collections).")],
    collections: CollectionsOption = None,
    collection: SingleCollectionOption = DEFAULT_COLLECTION,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only this collection, by name. May repeat.")] = None,
    name: Annotated[str, typer.Option(help="A name for the key.")] = "",
) -> int:
    """Create a key and print it. It cannot be printed again."""
    print(_key_store(collections, collection).create(scope, collections=only or (), name=name))
    return ExitCode.DONE


@keys_app.command("list")
def list_key_store(
    collections: CollectionsOption = None,
    collection: SingleCollectionOption = DEFAULT_COLLECTION,
    json_output: JsonOption = False,
) -> int:
    """List the keys, never their secrets."""
    terminal.print_result(_key_store(collections, collection).list_all(), json_output, _print_keys)
    return ExitCode.DONE


def _print_keys(keys: Sequence[KeyRecord]) -> None:
    for key in keys:
        state = f"revoked {key.revoked}" if key.revoked else "valid"
        state = "damaged and refused: revoke it, create another" if key.damaged else state
        access = ", ".join(key.collections) or "all collections"
        line = f"{key.id}  {key.scope:<5}  {access}  {key.created[:10]}  {state}  {key.name}"
        terminal.out.print(line.rstrip(), markup=False, soft_wrap=True)


@keys_app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, as `keys list` prints it.")],
    collections: CollectionsOption = None,
    collection: SingleCollectionOption = DEFAULT_COLLECTION,
) -> int:
    """Revoke a key, effective at once."""
    key_id = _key_id(key)
    _key_store(collections, collection).revoke(key_id)
    print(f"revoked {key_id}", file=sys.stderr)
    return ExitCode.DONE


def _key_id(text: str) -> str:
    """Return the id in a key, or an id itself. Raises UsageError, which never repeats `text`: it may be a secret."""
    match = re.fullmatch(r"(?:plk_)?([0-9a-f]{12})(?:_.*)?", text.strip())
    if match is None:
        raise UsageError("expected a key's id, 12 hexadecimal digits, found something else. See: pagelens keys list")
    return match[1]


def _key_store(collections: Path | None, collection: Path) -> KeyStore:
    root, _, _ = _resolve_collections(collections, collection)
    folder = ServerFolder(root)
    folder.create()
    return KeyStore(Database(folder.database))


def _key_problem(keys: KeyStore, *, host: str, local: bool, keyless: bool, where: str) -> str:
    """Return why the server cannot start with the existing keys; "" if it can."""
    create = f"pagelens keys create --scope read {where}"
    if keyless and not local:
        return (
            f"expected a loopback address with --keyless, found {host}, which others can reach. Create a key: {create}"
        )
    if keyless and keys.any_created():
        return (
            "expected no key with --keyless, found that keys were created for this server (revoked ones count). "
            f"Start it without --keyless. To see the keys: pagelens keys list {where}"
        )
    if not keyless and not keys.any_valid():
        on_loopback = ", or serve only this machine without keys: --keyless" if local else ""
        return f"expected at least one valid key to serve on {host}, found none. Create one: {create}{on_loopback}"
    return ""


def _resolve_collections(collections: Path | None, collection: Path) -> tuple[Path, str, bool]:
    """Return the folder of collections, the name of the default one, and whether only that one is served."""
    if collections is not None:
        return collections.absolute(), "default", False
    root = collection.absolute()
    return root.parent, root.name, True


def _require_folders(paths: list[Path]) -> None:
    missing = [str(path) for path in paths if not path.is_dir()]
    if missing:
        raise UsageError(f"expected folders that exist with --allow-path, found none at: {', '.join(missing)}")
