"""Open, close, bind and unbind in the explicit style: PENDING now, a callback at PASSIVE_LEVEL later."""

from collections.abc import Awaitable

import pytest

from ndisemu.errors import BugCheck, RuleViolation
from ndisemu.kernel import PASSIVE
from ndisemu.ndis import Oid, Status, v5
from ndisemu.ndis.states import BindingState
from tests.ndis.conftest import USUAL, Bench, Mini, Peer, on_bench


class Explicit(Peer):
    """Opens and closes with PENDING, and goes on in the callbacks."""

    def __init__(self, name: str = "peer") -> None:
        super().__init__(name)
        self.context: v5.BindContext
        self.told: list[tuple[str, Status, int]] = []

    def bind_adapter(self, context: v5.BindContext) -> Status:  # type: ignore[override]  # the other style
        self.context = context
        return context.start_open()

    def open_adapter_complete(self, binding: v5.Binding, status: Status) -> Awaitable[None] | None:
        self.note("open", binding, status)
        self.binding = binding
        return self.go_on()

    async def go_on(self) -> None:
        self.packets = self.binding.allocate_packets(self.count, 2048)
        await self.binding.set(Oid.GEN_CURRENT_PACKET_FILTER, USUAL.to_bytes(4, "little"))
        self.context.complete(Status.SUCCESS)

    def unbind_adapter(self, binding: v5.Binding) -> Status:
        return binding.start_close()

    def close_adapter_complete(self, binding: v5.Binding, status: Status) -> None:
        self.note("close", binding, status)
        binding.complete_unbind()

    def note(self, what: str, binding: v5.Binding, status: Status) -> None:
        self.told.append((what, status, binding.adapter.running_cpu("a test").irql))


@on_bench
async def test_a_protocol_may_open_and_close_with_callbacks(bench: Bench) -> None:
    """Each pends and is completed once, at PASSIVE_LEVEL; in between the binding is like any other."""
    adapter = await bench.start(Mini())
    peer = Explicit()
    await bench.bind(adapter, peer)
    await bench.send(peer, 2)
    assert peer.statuses == [Status.SUCCESS] * 2
    await bench.library.unbind(peer.binding)
    assert peer.told == [("open", Status.SUCCESS, PASSIVE), ("close", Status.SUCCESS, PASSIVE)]
    assert peer.binding.state.current is BindingState.CLOSED
    assert adapter.bindings == []


@on_bench
async def test_a_bind_is_completed_with_what_it_came_to(bench: Bench) -> None:
    """A failure closes what was opened."""

    class Failing(Explicit):
        async def go_on(self) -> None:
            self.context.complete(Status.RESOURCES)

    adapter = await bench.start(Mini())
    with pytest.raises(BugCheck, match=r"did not bind to nic0: ProtocolBindAdapter ended with NDIS_STATUS_RESOURCES$"):
        await bench.library.bind(Failing(), adapter, bench.cpu)
    assert adapter.bindings == []


@on_bench
async def test_a_bind_that_is_never_completed_has_failed(bench: Bench) -> None:
    """Nobody waits for ever."""

    class Endless(Explicit):
        async def go_on(self) -> None:
            """Forget to complete."""

    adapter = await bench.start(Mini())
    with pytest.raises(BugCheck, match="ProtocolBindAdapter returned NDIS_STATUS_PENDING and was not completed in"):
        await bench.library.bind(Endless(), adapter, bench.cpu)
    assert bench.rules() == ["proto-bind-complete"]
    assert bench.kernel.now >= adapter.hang.patience
    assert adapter.bindings == []


@on_bench
async def test_a_callback_that_raises_fails_the_bind(bench: Bench) -> None:
    """It is the protocol's failure, and is reported."""

    class Broken(Explicit):
        async def go_on(self) -> None:
            raise LookupError("no filter")

    adapter = await bench.start(Mini())
    with pytest.raises(BugCheck, match="did not bind"):
        await bench.library.bind(Broken(), adapter, bench.cpu)
    assert bench.rules() == ["bugcheck"]
    assert "ProtocolOpenAdapterComplete raised LookupError" in bench.findings[0].text


@on_bench
async def test_an_unbind_that_is_never_completed_is_not_waited_for(bench: Bench) -> None:
    """The binding is closed, and NDIS goes on."""

    class Forgetful(Explicit):
        def close_adapter_complete(self, binding: v5.Binding, status: Status) -> None:
            raise LookupError("no context")

    adapter = await bench.start(Mini())
    peer = Forgetful()
    await bench.bind(adapter, peer)
    await bench.library.unbind(peer.binding)
    assert adapter.bindings == []
    assert bench.rules() == ["bugcheck"]


@pytest.mark.parametrize("again", ["open_adapter", "start_open"])
@on_bench
async def test_one_bind_opens_once(bench: Bench, again: str) -> None:
    """In whichever style."""

    class Greedy(Explicit):
        def bind_adapter(self, context: v5.BindContext) -> Status:  # type: ignore[override]  # the other style
            super().bind_adapter(context)
            with pytest.raises(RuleViolation, match="proto-open-in-bind"):
                getattr(context, again)()
            return Status.PENDING

    adapter = await bench.start(Mini())
    assert await bench.library.bind(Greedy(), adapter, bench.cpu) is not None
