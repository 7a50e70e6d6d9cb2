"""Logs of the command: structlog on stderr, in colour on a terminal unless NO_COLOR says otherwise."""

import logging
import os
import sys

import structlog


def configure(*, verbose: bool) -> None:
    """Send logs to stderr: warnings, and with `verbose` what the command does."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ, pad_event_to=0, sort_keys=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if verbose else logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
