"""What an adapter of any generation can be told to do besides sending: reset, sleep, go away, shut down.

While it resets, sleeps or is gone the adapter runs, and yet NDIS answers in
the miniport's place; `refusal` is how. The sequences themselves are next door
(`reset`, `hang`, `power`, `indication`). What a generation does in its own
way are the `ControlHooks` that it overrides.

Source: NDIS reference 5.1 and 5.7.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ndisemu.kernel import DRIVER_ERRORS, Cpu, Kernel, run_passive
from ndisemu.ndis.data.link import LinkState
from ndisemu.ndis.hang import HangCheck
from ndisemu.ndis.indication import Indications
from ndisemu.ndis.pnp import PowerState
from ndisemu.ndis.power import Power
from ndisemu.ndis.requests import RequestQueue
from ndisemu.ndis.reset import Reset
from ndisemu.ndis.resources import Resources
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter


class ControlHooks:
    """What a generation does in its own way; one that overrides nothing can be told nothing."""

    reset_entry: ClassVar[str] = "MiniportResetEx"
    shutdown_entry: ClassVar[str] = "MiniportShutdownEx"
    asleep_status: ClassVar[Status] = Status.LOW_POWER_STATE

    @property
    def halting(self) -> bool:
        """Whether the miniport's halt entry runs."""
        return False

    @property
    def checks_for_hang(self) -> bool:
        """Whether the miniport supplies a check for hang."""
        return False

    @property
    def times_requests(self) -> bool:
        """Whether a request that pends for too long resets the adapter."""
        return True

    @property
    def times_sends(self) -> bool:
        """Whether a send that pends for too long may reset the adapter, by NDIS or by its driver."""
        return False

    @property
    def pauses_to_sleep(self) -> bool:
        """Whether the adapter is paused while it sleeps."""
        return False

    def check_for_hang(self) -> None:
        """Ask the miniport whether it hangs, at once or later, and begin a reset if it does; called at DISPATCH_LEVEL."""

    def oldest_send(self) -> int | None:
        """Return the number of the oldest send that NDIS times; None if it times none, or none is out."""
        return None

    def enter_reset(self) -> object:
        """Call the miniport's reset entry."""
        return Status.NOT_RESETTABLE

    def abort_for_reset(self) -> None:
        """The miniport has been reset: complete what it forgets, or see that it has completed everything."""

    def end_in_shutdown(self) -> None:
        """Move to the state of an adapter that has been shut down."""

    async def notify_removal(self) -> None:
        """Tell the miniport that its device is gone, in an asyncio task."""

    def enter_shutdown(self) -> object:
        """Call the miniport's shutdown entry."""
        return None


class Control(ControlHooks, ABC):
    """The control operations of an adapter.

    `removed` says that the device has been pulled out, `link_up` what the
    miniport has last said of its link. `last_words` is the status with which
    everything ends that a dead miniport had.
    """

    name: str
    kernel: Kernel
    cpu: Cpu
    requests: RequestQueue
    resources: Resources
    last_words: Status

    def prepare_control(self, adapter: "Adapter") -> None:
        """Begin life with everything in order; `adapter` is this object."""
        self.removed = False
        self.link_up = True
        self.hang = HangCheck(adapter)
        self.resetting = Reset(adapter)
        self.power = Power(adapter)
        self.indications = Indications(adapter)

    def begin_again(self) -> None:
        """The adapter is about to be initialized: what happened to the last device has nothing to do with it."""
        self.removed = False
        self.link_up = True
        self.resetting.failing = False
        self.power.begin_again()
        self.requests.filters.forget()

    # What an adapter is.

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the miniport has started and not ended: it may be halted."""

    @abstractmethod
    def look(self) -> None:
        """Bring `alive`, `refuses_sends` and `refuses_requests` up to date with the state."""

    @abstractmethod
    async def halt(self) -> None:
        """Unbind every protocol and end the miniport, at PASSIVE_LEVEL; a failed adapter is only cleaned up."""

    @abstractmethod
    def bug_check(self, entry: str, error: BaseException) -> None:
        """Stop this adapter: its driver raised `error` in `entry`."""

    @abstractmethod
    def bury(self) -> None:
        """Close the dead miniport's coroutines in the order of their creation, then give back what it held."""

    # What the rest of NDIS asks.

    @property
    def refusal(self) -> Status | None:
        """The status with which NDIS answers although the adapter runs: it is gone, sleeps, or is being reset."""
        if self.removed:
            return Status.NOT_ACCEPTED
        if self.power.asleep:
            return self.asleep_status
        return Status.RESET_IN_PROGRESS if self.resetting.in_progress else None

    def follow_link(self, link: LinkState) -> None:
        """The miniport has said what its link is now."""
        self.link_up = link.up

    def resume(self) -> None:
        """Let go on what has waited for the adapter to be ready again."""
        self.requests.resume()

    # What the machine asks.

    async def reset(self) -> Status:
        """Reset the adapter and wait for the end; returns what the miniport's reset ended with."""
        result = await run_passive(self.resetting.asked, self.cpu)
        return result if isinstance(result, Status) else Status.FAILURE

    async def set_power(self, state: PowerState) -> Status:
        """Bring the adapter to sleep or wake it up; SUCCESS means that it is in `state` now."""
        return await self.power.change(state)

    async def surprise_remove(self) -> None:
        """The device has been pulled out: tell the miniport if it wants to know, then unbind and halt."""
        if not self.running or self.removed:
            return
        self.removed = True
        self.look()
        if (note := self.kernel.probe.event) is not None:
            note("surprise removal", self.name, 1, "")
        await run_passive(lambda: self.requests.refuse(Status.NOT_ACCEPTED), self.cpu)
        await self.notify_removal()
        await self.halt()

    async def shutdown(self) -> None:
        """The machine is about to be switched off: the miniport quiesces its card, and nothing of it runs any more."""
        if not self.running:
            return
        try:
            await run_passive(self.enter_shutdown, self.cpu)
        except DRIVER_ERRORS as error:
            self.bug_check(self.shutdown_entry, error)
            return
        if self.running:
            self.end_in_shutdown()
            self.hang.stop()
            self.resources.silence()
            self.last_words = Status.REQUEST_ABORTED
            await run_passive(self.bury, self.cpu)
