"""Drivers that ask for memory to come later, and are not ready for it, each beside its mended twin."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.dma import PAGE, AllocatesWhileItRuns
from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import AttributeFlag, Oid, OidRequest, Status
from ndisemu.ndis.v5 import AdapterInfo, Miniport


class ForgetsThatItIsAMaster(RingMiniport):
    """It tells NDIS anew what it is, and leaves out that it masters the bus."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.ndis.set_attributes(AttributeFlag.SURPRISE_REMOVE_OK)
        return status

    async def reset(self) -> Status:
        with suppress(RuleViolation):
            self.ndis.allocate_shared_memory_async(PAGE)
        return await super().reset()


class GetsNothingBack(AllocatesWhileItRuns):
    """It shows packets only, so it has no MiniportReturnPacket, and yet wants memory for more of them."""

    return_packets = Miniport.return_packets

    def receive(self) -> bool:
        packets = self.rx.take(1)
        while packets:
            packets[0].status = Status.RESOURCES
            self.ndis.indicate_receive(packets)
            self.rx.give(packets)
            packets = self.rx.take(1)
        return True

    async def reset(self) -> Status:
        with suppress(RuleViolation):
            self.ndis.allocate_shared_memory_async(PAGE)
        return await RingMiniport.reset(self)


class TakesTheMemoryTwice(RingMiniport):
    """The reset waits for the memory, and so does the work item that is to free it."""

    async def reset(self) -> Status:
        self.ndis.schedule_work_item(self.free)
        self.allocation = self.ndis.allocate_shared_memory_async(PAGE)
        await self.allocation
        return await super().reset()

    async def free(self) -> None:
        memory = await self.allocation
        if memory is not None:
            self.ndis.free_shared_memory(memory)


class AsksAsItsLastProtocolGoes(RingMiniport):
    """When its filter is closed it asks for the memory that the next protocol will need; the halt comes first."""

    def set_information(self, request: OidRequest) -> Status | Awaitable[Status]:
        status = super().set_information(request)
        if request.oid is Oid.GEN_CURRENT_PACKET_FILTER and not request.number():
            self.ndis.allocate_shared_memory_async(PAGE)
        return status


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("shm-async-busmaster", ForgetsThatItIsAMaster, AllocatesWhileItRuns),
    Pair("shm-async-return-handler", GetsNothingBack, AllocatesWhileItRuns),
    Pair("shm-async-halt-race", AsksAsItsLastProtocolGoes, AllocatesWhileItRuns),
    Pair("shm-async-one-waiter", TakesTheMemoryTwice, AllocatesWhileItRuns),
)
