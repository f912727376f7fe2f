"""Python's logging: nothing that a handler writes holds a placeholder or a value; so neither do Locust's web UI and its
log file.

Records are searched when they are made, so that handlers which send them elsewhere get clean ones; and what a handler
has formatted is searched once more, for formatters write what they like (`extra`, context variables, tracebacks).
"""

from __future__ import annotations

import functools
import logging
import traceback
from typing import Any

from tegmen._native import Plugin


def install(plugin: Plugin) -> None:
    """Puts itself before the factory of log records, which survives ``dictConfig``, and behind all formatters."""
    make = logging.getLogRecordFactory()
    make_record, format_record = logging.Logger.makeRecord, logging.Handler.format
    handle = logging.Logger.handle

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        _clean(plugin, record)
        return record

    @functools.wraps(make_record)
    def clean_make_record(self: logging.Logger, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(self, *args, **kwargs)
        extra = kwargs.get("extra", args[8] if len(args) > 8 else None)
        for name in extra or ():
            redacted = _redacted(plugin, record.__dict__[name])
            if redacted is not None:
                record.__dict__[name] = redacted
        return record

    @functools.wraps(handle)
    def clean_handle(self: logging.Logger, record: logging.LogRecord) -> None:
        if logging.getLogRecordFactory() is not factory:
            # The script has set one of its own since then.
            _clean(plugin, record)
        handle(self, record)

    @functools.wraps(format_record)
    def clean_format(self: logging.Handler, record: logging.LogRecord) -> str:
        text = format_record(self, record)
        return (plugin.redact_cut(text, "log") or text) if isinstance(text, str) else text

    logging.setLogRecordFactory(factory)
    logging.Logger.makeRecord = clean_make_record  # type: ignore[method-assign]
    logging.Logger.handle = clean_handle  # type: ignore[method-assign]
    logging.Handler.format = clean_format  # type: ignore[method-assign]


def _clean(plugin: Plugin, record: logging.LogRecord) -> None:
    try:
        message = record.getMessage()
    except Exception:
        # Wrong arguments: logging itself says so, on standard error, which the broker searches.
        return
    redacted = plugin.redact_cut(message, "log")
    if redacted is None and record.args and _redacted(plugin, record.args) is not None:
        # The message shows nothing of it (`%.3s`), but handlers may send the arguments on.
        redacted = message
    if redacted is not None:
        record.msg, record.args = redacted, None
    if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
        text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        redacted = plugin.redact_cut(text, "log")
        if redacted is not None:
            # Formatters take the text where there is one. Others would show the exception itself, and its frames.
            record.exc_text, record.exc_info = redacted, None
    if record.stack_info:
        record.stack_info = plugin.redact_cut(record.stack_info, "log") or record.stack_info


def _redacted(plugin: Plugin, value: Any) -> str | None:
    """What stands for the value if its text holds a secret."""
    if value is None or isinstance(value, (int, float)):
        return None
    try:
        return plugin.redact_cut(value if isinstance(value, str) else repr(value))
    except Exception:
        # A value that cannot be shown shows nothing.
        return None
