"""Logs as JSON lines, or as lines for people. They never contain the text of a query or of a document."""

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO

AUDIT = "pagelens.audit"
FIELDS = "fields"  # attribute of a log record with additional fields

LOG_VARIABLE = "PAGELENS_LOG"  # the style of a server's log, for the processes that it starts

LogStyle = Literal["text", "json"]

audit_log = logging.getLogger(AUDIT)


class JsonLines(logging.Formatter):
    """Formats a record as a JSON line: time, level, logger, message, additional fields, class and trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON line of a record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "at": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, FIELDS, {}))
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = type(record.exc_info[1]).__name__  # its message may quote a document
            line["trace"] = _trace(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)


class TextLines(logging.Formatter):
    """Formats a record as a line for people: local time, what happened, further fields, class and trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        line = f"{at}  {level}{_event_text(record.getMessage(), getattr(record, FIELDS, {}))}"
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line += f": {type(error).__name__} at {', '.join(_trace(error))}"
        return line


def _event_text(message: str, fields: Mapping[str, object]) -> str:
    """Return an event in words: "POST /v1/search 200, 35 ms"; of events without words of their own, their fields."""
    if message == "answered":
        return f"{fields['method']} {fields['route']} {fields['status']}, {fields['ms']} ms"
    if message == "serving":
        host = f"[{fields['host']}]" if ":" in str(fields["host"]) else fields["host"]
        return f"PageLens is at http://{host}:{fields['port']}/ (Ctrl-C stops it)"
    return " ".join([message, *(f"{name}={value}" for name, value in fields.items() if value is not None)])


def start_log(stream: TextIO, *, audit: Path | None = None, style: LogStyle | None = None) -> None:
    """Write PageLens's log to a stream, and audit lines to the file `audit` as JSON as well.

    `style` is handed on to the processes that this one starts; None: that of the process which started this one, or
    JSON.
    """
    if style is not None:
        os.environ[LOG_VARIABLE] = style
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if os.environ.get(LOG_VARIABLE) == "text" else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("pagelens").setLevel(logging.INFO)
    if audit is not None:
        file = logging.FileHandler(audit, encoding="utf-8")
        file.setFormatter(JsonLines())
        audit_log.addHandler(file)


def _trace(error: BaseException) -> list[str]:
    lines, trace = [], error.__traceback__
    while trace is not None:
        lines.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return lines[-8:]
