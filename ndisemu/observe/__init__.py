"""Watchers: the event log, the capture, the run directory and the report. They watch, and influence nothing."""

from ndisemu.observe.capture import CaptureLog, Interface
from ndisemu.observe.directory import RunDirectory
from ndisemu.observe.events import EventLog

__all__ = ["CaptureLog", "EventLog", "Interface", "RunDirectory"]
