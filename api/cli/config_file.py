"""Defaults of options from `pagelens.toml`: one of the project, one of the user.

What an option is, in this order: the command line, the environment, the project's file (in this folder or the nearest
one above), the user's file (`$XDG_CONFIG_HOME/pagelens/pagelens.toml`, or the file that PAGELENS_CONFIG names), and
the option's own default. The keys are the names of long options; a table is for one command, keys before all tables
are for every command that has them:

    collection = "papers"

    [search]
    k = 20

A project's file may come with a folder from somebody else, so it sets only `PROJECT_OPTIONS`: nothing that names an
address, a model, or a place to write to. Its collection is relative to the file.
"""

import copy
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError

NAME = "pagelens.toml"
VARIABLE = "PAGELENS_CONFIG"  # the user's file; "none": no file is read
PROJECT_OPTIONS = frozenset(
    "collection depth first fold k kind label lane language max-pages meta neighbours ocr pages path per-group since "
    "spelling until verbose workers".split()
)

Defaults = Mapping[str, Any]
"""Option name -> value, and command name -> the defaults of that command."""


def read_config(folder: Path, environ: Mapping[str, str]) -> Defaults:
    """Return the defaults that the files set for commands run in `folder`. Raises UsageError."""
    if environ.get(VARIABLE) == "none":
        return {}
    project = _project_file(folder)
    user = _user_file(environ)
    defaults = _read(user) if user is not None and user != project else {}
    if project is not None:
        defaults = _merged(defaults, _read_project(project))
    if unknown := [key for key in single_values(defaults) if key.replace("_", "-") not in PROJECT_OPTIONS]:
        everywhere = ", ".join(sorted(PROJECT_OPTIONS))
        raise UsageError(
            f"expected before the tables of {NAME} only {everywhere}, found {unknown[0]!r}: other options stand in the "
            "table of a command"
        )
    return defaults


def _project_file(folder: Path) -> Path | None:
    """Return the nearest project's file, None if there is none. One of another user is reported, not read: anybody may
    put a file into a folder like /tmp, above those that commands run in."""
    path = next((path for above in (folder, *folder.parents) if (path := above / NAME).is_file()), None)
    if path is not None and path.stat().st_uid not in (os.getuid(), 0):
        print(f"pagelens: {path} belongs to another user and is not read", file=sys.stderr)
        return None
    return path


def _user_file(environ: Mapping[str, str]) -> Path | None:
    """Return the user's file, None if there is none. Raises UsageError for one that is named and missing."""
    if named := environ.get(VARIABLE):
        if not (path := Path(named)).is_file():
            raise UsageError(f"expected a file at {path}, which {VARIABLE} names, found none")
        return path
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    path = Path(home) / "pagelens" / NAME
    return path if home and path.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise UsageError(f"expected options in TOML in {path}, found: {exc}") from exc


def _read_project(path: Path) -> dict[str, Any]:
    defaults = _read(path)
    for where, key, value in _options(defaults):
        name = key.replace("_", "-")
        if name not in PROJECT_OPTIONS:
            raise UsageError(
                f"expected in {path} only options that are safe in somebody else's folder, found {key!r}: set it in "
                f"your own file, ~/.config/pagelens/{NAME}, or on the command line"
            )
        if name == "collection" and isinstance(value, str):
            where[key] = str(path.parent / Path(value).expanduser())
    return defaults


def _options(table: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield (table, key, value) of all options, those of commands too."""
    for key, value in list(table.items()):
        if isinstance(value, dict):
            yield from _options(value)
        else:
            yield table, key, value


def _merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, tables merged; of an option that both set, the value of `upper`."""
    merged = dict(lower)
    for key, value in upper.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def with_defaults(command: Any, name: str, table: Defaults, shared: Defaults) -> Any:
    """Return a command, or a group of commands, whose options have the defaults of its own table and of keys for all.

    Raises UsageError for a key of the table that is no option of the command.
    """
    if not table and not shared:
        return command
    changed = copy.copy(command)
    if hasattr(command, "commands"):
        below = {**shared, **single_values(table)}
        inner = {key: (each, table.get(key, {})) for key, each in command.commands.items()}
        changed.commands = {key: with_defaults(each, f"{name} {key}", own, below) for key, (each, own) in inner.items()}
        return changed
    known = {_long_name(param) for param in command.params}
    if unknown := [key for key in table if key.replace("_", "-") not in known]:
        options = ", ".join(sorted(known))
        raise UsageError(f"expected in {NAME} options of `{name}` ({options}), found {', '.join(unknown)}")
    values = {key.replace("_", "-"): value for key, value in {**shared, **table}.items()}
    changed.params = [_with_default(param, values.get(_long_name(param))) for param in command.params]
    return changed


def single_values(table: Defaults) -> Defaults:
    """Return the keys of a table that are no tables."""
    return {key: value for key, value in table.items() if not isinstance(value, dict)}


def _long_name(param: Any) -> str:
    return str(max(param.opts, key=len)).lstrip("-")


def _with_default(param: Any, value: object) -> Any:
    if value is None or param.param_type_name != "option":
        return param
    changed = copy.copy(param)
    changed.required = False
    changed.default = [value] if param.multiple and not isinstance(value, list) else value
    return changed


def current_config() -> Defaults:
    """Return the defaults for a command of this process. Raises UsageError."""
    return read_config(Path.cwd(), os.environ)
