"""What an NDIS 6 adapter can be told to do besides, in the way of its generation: see `ndis.control`.

The check for hang and OID requests run at PASSIVE_LEVEL. In a reset NDIS
aborts nothing: the miniport completes what it has before the reset is
complete, as since NDIS 6.30. A reset moves no state; pausing and resetting
go on side by side, and end in either order.

Source: NDIS reference 5.1 and 5.7; rule `st-reset-pending-io-630`.
"""

from functools import partial

from ndisemu.kernel import DRIVER_ERRORS, run_in_time
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.pnp import DeviceEvent
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.attributes import RegistrationAttributes
from ndisemu.ndis.v6.flags import RegistrationFlag, ShutdownAction
from ndisemu.ndis.v6.miniport import Miniport
from ndisemu.ndis.v6.send import NblSends
from ndisemu.ndis.v6.states import AdapterEvent


class NblControl(Adapter):
    """The control operations of an NDIS 6 adapter.

    `undelivered` is a request that NDIS keeps until the CPU is at PASSIVE_LEVEL.
    """

    miniport: Miniport
    sends: NblSends
    registration: RegistrationAttributes | None
    undelivered: OidRequest | None

    @property
    def checks_for_hang(self) -> bool:
        """Whether the miniport supplies MiniportCheckForHangEx."""
        return type(self.miniport).check_for_hang is not Miniport.check_for_hang

    @property
    def times_sends(self) -> bool:
        """Whether the miniport looks after its own sends; NDIS times none."""
        return self.checks_for_hang

    @property
    def pauses_to_sleep(self) -> bool:
        """Whether the miniport has not said that it can sleep without a pause."""
        return self.registration is None or not self.registration.flags & RegistrationFlag.NO_PAUSE_ON_SUSPEND

    def check_for_hang(self) -> None:
        """Call MiniportCheckForHangEx as soon as the CPU is at PASSIVE_LEVEL; TRUE begins a reset."""

        def ask() -> None:
            if self.running and self.refusal is None and self.miniport.check_for_hang():
                self.resetting.hung("MiniportCheckForHangEx returned TRUE")

        self.cpu.queue_thread(partial(self.call, "MiniportCheckForHangEx", ask))

    def enter_reset(self) -> object:
        """Call MiniportResetEx."""
        return self.miniport.reset()

    def abort_for_reset(self) -> None:
        """See that the miniport has completed everything; what it keeps stays its own."""
        request = None if self.requests.current is self.undelivered else self.requests.current
        sends = self.sends.in_flight
        if self.resetting.status is not Status.NOT_RESETTABLE and (sends or request is not None):
            kept = f"{sends} sends" + ("" if request is None else f" and the {request!r}")
            self.report(
                "st-reset-pending-io-630",
                f"MiniportResetEx is complete, and {kept} are not; since NDIS 6.30 a miniport completes before "
                "whatever it has, sends with RESET_IN_PROGRESS or REQUEST_ABORTED, requests with REQUEST_ABORTED",
            )

    async def notify_removal(self) -> None:
        """Call MiniportDevicePnPEventNotify."""
        event = DeviceEvent.SURPRISE_REMOVED
        try:
            await run_in_time(lambda: self.miniport.device_pnp_event_notify(event), self.cpu, "st-entry-returns")
        except DRIVER_ERRORS as error:
            self.bug_check("MiniportDevicePnPEventNotify", error)

    def enter_shutdown(self) -> object:
        """Call MiniportShutdownEx."""
        self.miniport.shutdown(ShutdownAction.POWER_OFF)
        return None

    def end_in_shutdown(self) -> None:
        """No entry is called any more."""
        self.move(AdapterEvent.SHUT_DOWN)
