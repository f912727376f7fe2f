"""Python's logging: every record is searched before any handler sees it, Locust's web UI and log file included."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from tegmen._native import Plugin


def install(plugin: Plugin) -> None:
    """Puts itself before the factory of log records, which survives ``dictConfig``."""
    make = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        _clean(plugin, record)
        return record

    logging.setLogRecordFactory(factory)


def _clean(plugin: Plugin, record: logging.LogRecord) -> None:
    try:
        message = record.getMessage()
    except Exception:
        # Wrong arguments: logging itself says so, on standard error, which the broker searches.
        return
    redacted = plugin.redact(message)
    if redacted is not None:
        record.msg, record.args = redacted, None
    if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
        text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        redacted = plugin.redact(text)
        if redacted is not None:
            # Formatters take the text where there is one.
            record.exc_text = redacted
    if record.stack_info:
        record.stack_info = plugin.redact(record.stack_info) or record.stack_info
