"""Plug and play events, as a miniport and as protocols are told them.

A miniport is notified and has nothing to answer. A protocol answers, at once
or later: it returns a status, suspends, or returns PENDING and later calls
NdisCompletePnPEvent with the same event.

Source: NDIS reference 2.1, 2.2 and 5.1; rules `proto-netpnp-complete`.
"""

from enum import Enum, IntEnum, unique
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DRIVER_ERRORS, Event, run_in_time, run_passive, shown
from ndisemu.ndis.status import Status
from ndisemu.units import format_time

if TYPE_CHECKING:
    from ndisemu.ndis.binding import BaseBinding

# How long a protocol may take: twice the usual time-out of pending work (5.7).
EVENT_PATIENCE: Final = 8_000_000_000


@unique
class DeviceEvent(Enum):
    """NDIS_DEVICE_PNP_EVENT, by name: the headers disagree about the numbers (10.10)."""

    SURPRISE_REMOVED = "NdisDevicePnPEventSurpriseRemoved"
    POWER_PROFILE_CHANGED = "NdisDevicePnPEventPowerProfileChanged"


@unique
class NetEvent(IntEnum):
    """NET_PNP_EVENT_CODE, NetEvent*: what protocols are told (`netpnp.h`)."""

    SET_POWER = 0
    QUERY_POWER = 1
    QUERY_REMOVE_DEVICE = 2
    CANCEL_REMOVE_DEVICE = 3
    RECONFIGURE = 4
    BIND_LIST = 5
    BINDS_COMPLETE = 6
    PNP_CAPABILITIES = 7
    PAUSE = 8
    RESTART = 9
    PORT_ACTIVATION = 10
    PORT_DEACTIVATION = 11
    IM_RE_ENABLE_DEVICE = 12


@unique
class PowerState(IntEnum):
    """NDIS_DEVICE_POWER_STATE, NdisDeviceState*: D0 is awake, the others sleep, deeper and deeper (`ntddndis.h`)."""

    UNSPECIFIED = 0
    D0 = 1
    D1 = 2
    D2 = 3
    D3 = 4


class NetPnPEvent:
    """`NET_PNP_EVENT`: one event as one binding is told it; `power` is the state to enter, for power events."""

    __slots__ = ("_ended", "_status", "code", "power")

    def __init__(self, code: NetEvent, power: PowerState = PowerState.UNSPECIFIED) -> None:
        self.code = code
        self.power = power
        self._status = Status.PENDING
        self._ended: Event | None = None

    def __repr__(self) -> str:
        return f"NetEvent {self.code.name}" + (f" {self.power.name}" if self.power else "")

    def complete(self, status: Status) -> None:
        """The protocol completes what it had pended, once (`NdisCompletePnPEvent`)."""
        if self._ended is None or self._status is not Status.PENDING:
            raise RuleViolation("proto-netpnp-complete", f"the {self!r} was completed while it is not pending")
        if status is Status.PENDING:
            raise RuleViolation("proto-netpnp-complete", f"the {self!r} was completed with NDIS_STATUS_PENDING")
        self._status = status
        self._ended.set()

    async def tell(self, binding: "BaseBinding", *, may_fail: bool = True) -> Status:
        """Tell a binding and wait for its answer, at PASSIVE_LEVEL; whether the protocol may answer that it fails."""
        adapter = binding.adapter
        self._ended = Event(adapter.kernel, f"{self!r} of {binding.name}")
        try:
            answer = await run_in_time(lambda: binding.net_event(self), adapter.cpu, "proto-watchdogs")
        except DRIVER_ERRORS as error:
            binding.fail("ProtocolPnPEvent", error)
            return Status.FAILURE
        if answer is Status.PENDING:
            ended = self._ended
            if not await run_passive(lambda: ended.wait(EVENT_PATIENCE), adapter.cpu):
                adapter.report(
                    "proto-netpnp-complete",
                    f"{binding.name} did not complete the {self!r} in {format_time(EVENT_PATIENCE)} after it had returned PENDING",
                    by=binding.name,
                )
                self._status = Status.FAILURE
            answer = self._status
        fits = isinstance(answer, Status) if may_fail else answer is Status.SUCCESS
        if not fits and not binding.failed:
            right = "a Status" if may_fail else "NDIS_STATUS_SUCCESS, as it cannot fail"
            said = answer if isinstance(answer, Status) else shown(answer)
            text = f"{binding.name} answered the {self!r} with {said}; it answers with {right}"
            adapter.report("proto-netpnp-status", text, by=binding.name)
        return answer if isinstance(answer, Status) else Status.FAILURE
