"""Logs as JSON lines. They never contain the text of a query or of a document."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

AUDIT = "pagelens.audit"
FIELDS = "fields"  # attribute of a log record with additional fields

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


def log_json(stream: TextIO, *, audit: Path | None = None) -> None:
    """Write PageLens's log to a stream, and audit lines to the file `audit` as well."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
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
