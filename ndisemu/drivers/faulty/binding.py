"""Protocols that use a binding wrongly, from its open to its close, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station
from ndisemu.ndis import Oid, OidRequest, Status, v5


class AsksWithOneRequest(Station):
    """It has one request, and writes its second question into it as soon as it has asked the first."""

    asked = 0

    def receive_complete(self, binding: v5.Binding) -> None:
        if not self.asked:
            self.ask(binding, OidRequest.query(Oid.GEN_XMIT_OK, 8))

    def ask(self, binding: v5.Binding, request: OidRequest) -> None:
        """Ask both questions."""
        self.asked = 2
        binding.request(request)
        request.oid = Oid.GEN_RCV_OK

    def request_complete(self, binding: v5.Binding, request: OidRequest, status: Status) -> None:
        """There is an answer."""


class AsksOneByOne(AsksWithOneRequest):
    """It writes its second question when the first is answered."""

    def ask(self, binding: v5.Binding, request: OidRequest) -> None:
        self.asked = 1
        binding.request(request)

    def request_complete(self, binding: v5.Binding, request: OidRequest, status: Status) -> None:
        if self.asked == 1:
            self.asked = 2
            request.oid = Oid.GEN_RCV_OK
            binding.request(request)


PAIRS: Final = (Pair("proto-oid-buffer", AsksWithOneRequest, AsksOneByOne, "slow answers"),)
