"""The requests that protocols make."""

from typing import Any, Final

from ndisemu.kernel import shown
from ndisemu.ndis import Oid, OidRequest, Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Rule, after, before, ended
from ndisemu.verifier.watch import Watch

_REQUESTS: Final = ("NdisRequest", "NdisOidRequest")


class ProtoOidBuffer(Rule):
    """A protocol leaves a request and its data as they are until the request has ended."""

    id = "proto-oid-buffer"
    models = ANY
    source = "DDK: NdisRequest, NdisOidRequest"
    why = "NDIS and the miniport read it whenever its turn comes, and find by it whom its end is told."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # Few are pending at a time.
        self._pending: list[tuple[OidRequest, dict[str, object]]] = []

    @before(*_REQUESTS)
    def asking(self, call: Call) -> None:
        """Take down what it says; a request that its protocol awaits is told ended to nobody else."""
        request = call.argument("request")
        self._pending = [noted for noted in self._pending if noted[0].status is None and noted[0] is not request]
        self._pending.append((request, {**_fields(request), "binding": call.who, "data": _copied(request.data)}))

    @after(*_REQUESTS)
    def asked(self, call: Call) -> None:
        """Forget what has ended at once."""
        if call.result is not Status.PENDING:
            self._take(call.argument("request"))

    @before("NdisMQueryInformationComplete", "NdisMSetInformationComplete", "NdisMOidRequestComplete")
    @ended("MiniportQueryInformation", "MiniportSetInformation", "MiniportOidRequest")
    def ending(self, call: Call) -> None:
        """Compare what the miniport completes; NDIS may show it other data than the protocol's."""
        request = call.argument("request", self.watch.adapter.requests.current)
        was = self._take(request)
        if was is not None and not self._compare(request, was, _fields(request)):
            self._pending.append((request, was))

    @before("ProtocolRequestComplete", "ProtocolOidRequestComplete")
    def telling(self, call: Call) -> None:
        """Compare what is told to have ended, with its data."""
        request = call.argument("request")
        was = self._take(request)
        if was is not None:
            self._compare(request, was, {**_fields(request), "data": _copied(request.data)})

    def _take(self, request: object) -> dict[str, object] | None:
        """Return what a request has said, and forget it."""
        for place, (pending, was) in enumerate(self._pending):
            if pending is request:
                del self._pending[place]
                return was
        return None

    def _compare(self, request: OidRequest, was: dict[str, object], now: dict[str, object]) -> bool:
        """Report the first field that is another now; returns whether there is one."""
        field = next((field for field in now if now[field] != was[field]), None)
        if field is None:
            return False
        text = (
            f"{was['binding']} changed the {field} of a request from {_said(was[field])} to {_said(now[field])} while it "
            "was pending; leave it alone until it has ended"
        )
        self.broken(text, request, str(was["binding"]))
        return True


def _fields(request: OidRequest) -> dict[str, object]:
    """Return what a protocol has written into a request, by field; what it has deleted is None."""
    return {field: getattr(request, field, None) for field in ("oid", "is_set", "length", "request_id", "binding")}


def _said(value: object) -> str:
    """Say what a field holds."""
    return str(value) if type(value) is Oid else shown(value)


def _copied(data: Any) -> object:
    """Return a copy of the data of a set, which may be in a buffer that its owner fills anew."""
    return bytes(data) if isinstance(data, bytearray | memoryview) else data


RULES: Final[tuple[type[Rule], ...]] = (ProtoOidBuffer,)
