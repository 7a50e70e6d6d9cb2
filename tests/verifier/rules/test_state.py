"""The rules of starts, resets and halts, where their pairs do not show it: what is kept, and what the card still does."""

import pytest

from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.hw import registers as reg
from ndisemu.ndis import Status, v5, v6
from tests.verifier.exercises import found_in


class GivesNothingBack(RingMiniport):
    """Its last step fails."""

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        super().initialize(adapter)
        self.pool = self.ndis.allocate_packet_pool(4)
        return Status.HARD_ERRORS


class GivesNothingBack6(Ring6Miniport):
    """Its last step fails."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        super().initialize(parameters)
        return Status.RESOURCES


class ForgetsItsAnswer(RingMiniport):
    """It has started, and does not say so."""

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        super().initialize(adapter)
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("driver", "entry", "rules"),
    [
        (GivesNothingBack, "MiniportInitialize ", {"pool-leak", "shm-leak"}),
        (GivesNothingBack6, "MiniportInitializeEx ", {"pool-leak", "sg-deregister", "shm-leak"}),
        (ForgetsItsAnswer, "MiniportInitialize ", set()),
    ],
    ids=["5.1", "6", "no status"],
)
def test_a_start_that_fails_gives_everything_back(driver: type, entry: str, rules: set[str]) -> None:
    """NDIS calls no halt for it; one that has only forgotten its status has taken itself for started."""
    found = found_in(driver, "failed start")
    kept = [finding for finding in found if finding.rule not in {"int-deregister-init-fail", "st-init-status"}]
    assert {finding.rule for finding in kept} == rules
    assert all(finding.text.startswith(f"{entry}returned without") for finding in kept)


class LosesItsFilter(RingMiniport):
    """The reset sets nothing again, and leaves that to nobody."""

    late = False

    async def reset(self) -> Status:
        status = await super().reset()
        self.control = self.registers.read(reg.RCTL)
        self.registers.write(reg.RCTL, self.control & ~reg.RCTL_BAM)
        if self.late:
            self.ndis.schedule_work_item(lambda: self.registers.write(reg.RCTL, self.control))
        return status


class SetsItsFilterLate(LosesItsFilter):
    """What the reset has cleared is set again when the card is ready."""

    late = True


class LeavesItsFilterToNdis(LosesItsFilter):
    """The reset sets nothing again, and says so."""

    async def reset(self) -> tuple[Status, bool]:  # type: ignore[override]
        return await super().reset(), True


def test_a_card_takes_after_a_reset_what_it_took_before() -> None:
    """A filter that nobody sets again is told, with what it does not let in any more."""
    (finding,) = found_in(LosesItsFilter, "busy reset")
    assert finding.rule == "st-reset-addressing"
    assert "takes no frames to ff:ff:ff:ff:ff:ff, which it took before" in finding.text


@pytest.mark.parametrize("driver", [SetsItsFilterLate, LeavesItsFilterToNdis])
def test_a_filter_that_is_back_when_all_is_quiet_is_no_finding(driver: type) -> None:
    """Whoever has set it, and when."""
    assert found_in(driver, "busy reset") == []


class FreesBuffersFirst(RingMiniport):
    """The receive buffers go before the card is stopped, which may still fill them if its receiver is on."""

    receives = True

    async def halt(self) -> None:
        await self.rx.pool.settle()
        if self.receives:
            self.registers.write(reg.RCTL, self.registers.read(reg.RCTL) | reg.RCTL_EN)
        self.rx.pool.give_back()
        self.card.silence()
        self.ndis.deregister_interrupt(self.interrupt)
        self.tx.free()
        if self.rx._memory is not None:
            self.ndis.free_shared_memory(self.rx._memory)


class StopsItsReceiver(FreesBuffersFirst):
    """The receiver is off, as nobody wants anything any more, and its descriptors are nobody's."""

    receives = False


class DeregistersDmaFirst(Ring6Miniport):
    """The DMA handle goes before the card is stopped."""

    async def halt(self, action: v6.HaltAction) -> None:
        self.ndis.deregister_scatter_gather_dma()
        self.card.silence()
        self.ndis.deregister_interrupt(self.line)
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()


@pytest.mark.parametrize(
    ("driver", "texts"),
    [
        (FreesBuffersFirst, ["NdisMFreeSharedMemory was called for 31 of the 31 buffers that a card's receiver"]),
        (StopsItsReceiver, []),
        (DeregistersDmaFirst, ["NdisMDeregisterScatterGatherDma was called with the card's transmitter on"]),
    ],
)
def test_a_card_is_stopped_before_its_memory_goes(driver: type, texts: list[str]) -> None:
    """Its buffers and the handle of its DMA too, and not the rings alone."""
    found = found_in(driver, "traffic")
    assert [finding.rule for finding in found] == ["dma-stop-on-reset-halt" for _ in texts]
    assert all(finding.text.startswith(text) for finding, text in zip(found, texts, strict=True))
