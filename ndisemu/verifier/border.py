"""The border between drivers and NDIS, under watch: every call over it is told to the rules.

The routines are those that `@ddi` declares: what a miniport calls, what is
called of it, and the same for the protocols that bind to it. Each object
under watch gets its routines wrapped once, so an adapter that is not under watch pays
nothing. A wrapper looks and calls on: it changes no argument, no result and no order,
and a look that fails over what a driver has made is reported and disturbs nobody.
A driver that calls its own entry point does not cross the border. An argument has the name of its declaration,
whatever the driver calls it.

A coroutine is not stepped here but by NDIS, as ever. That it has suspended
is seen where NDIS notes it, its end by awaiting it in its place.
"""

import inspect
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from types import CoroutineType, FrameType
from typing import Any, Final, NamedTuple

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Fiber, is_driver_code, shown
from ndisemu.ndis import Adapter
from ndisemu.ndis.ddi import Contract, Kind, declarations
from ndisemu.ndis.status import Status
from ndisemu.verifier.arguments import USUAL, Wanted, kind_of, maimed, tests
from ndisemu.verifier.call import Call
from ndisemu.verifier.guard import Guard
from ndisemu.verifier.ledger import Ledger
from ndisemu.verifier.rule import Moment
from ndisemu.verifier.touch import Touch, TouchLevel
from ndisemu.verifier.watch import NOBODY, Looks, Watch

Routine = Callable[..., Any]
# So frequent, and so seldom wrong, that they are only watched where a rule asks for them.
_FREQUENT: Final = ("NdisReadRegisterUlong", "NdisWriteRegisterUlong", "NdisGetCurrentSystemTime")
# Completions of 5.x that do not say of what: of the request that is pending.
_OF_THE_PENDING: Final = ("NdisMQueryInformationComplete", "NdisMSetInformationComplete")
# What stands before a routine.
_WRAPPER: Final = "Border._wrapped.<locals>.watched"
# Library calls whose result has calls of its own.
_MAKERS: Final = ("NdisMMapIoSpace", "NdisMRegisterScatterGatherDma", "NdisCoCreateVc")


class Border:
    """The border of all adapters of one emulation."""

    def __init__(self, calls: list[Call], ledger: Ledger, fields: Sequence[str] = ()) -> None:
        self._calls = calls
        self._ledger = ledger
        self._watches: dict[Adapter, Watch] = {}
        # Miniports and protocols, in the order in which they came under watch; two may be equal.
        self._drivers: list[object] = []
        self._touch = TouchLevel(fields, self._drivers, _entered, self._touched) if fields else None
        self._suspended: dict[object, tuple[Watch, Call]] = {}
        self._guard = Guard(self._refuse)

    def watch(self, watch: Watch) -> None:
        """Watch an adapter, and every binding that joins it from now on."""
        adapter = watch.adapter
        self._watches[adapter] = watch
        self._drivers.append(adapter.miniport)
        self._stand_before(adapter.miniport.ndis, adapter)
        self._stand_before(adapter.miniport, adapter)
        self._note_suspensions(adapter)
        join, halt = adapter.join, adapter.halt

        def joined(binding: Any) -> None:
            join(binding)
            self._stand_before(binding, binding)
            self._guard.protect(binding)
            if all(driver is not binding.protocol for driver in self._drivers):
                self._drivers.append(binding.protocol)
                self._stand_before(binding.protocol, None)

        async def halted() -> None:
            await halt()
            watch.tell_of(Moment.HALTED)

        # The places where NDIS itself gets to know of these.
        for name, seam in (("join", joined), ("halt", halted)):
            setattr(adapter, name, seam)
        for handle in (adapter.miniport.ndis, adapter):
            self._guard.protect(handle)

    def _note_suspensions(self, adapter: Adapter) -> None:
        """Learn where NDIS learns it that a coroutine of this adapter's miniport has suspended."""
        remember = adapter.remember

        def suspended(fiber: Fiber) -> None:
            remember(fiber)
            found = self._suspended.pop(fiber.coroutine, None)
            if found is not None:
                watch, call = found
                call.result = Status.PENDING
                self._back(watch, call, watch.looks.get(call.name, NOBODY)[1])

        setattr(adapter, "remember", suspended)  # noqa: B010 - a method of one object

    def _stand_before(self, thing: Any, who: Any) -> None:
        """Wrap the routines of an object; `who` is an adapter or a binding, None for a protocol, whose calls say so."""
        watch = self._watch_of(who)
        for name, (contract, declared) in declarations(type(thing)).items():
            if contract.name in _FREQUENT and watch is not None and not watch.wants(contract.name):
                continue
            routine = getattr(thing, name)
            # What cannot be called NDIS will find out.
            if callable(routine):
                setattr(thing, name, self._wrapped(routine, contract, _shape(declared), who))

    def _wrapped(self, routine: Routine, contract: Contract, shape: "_Shape", who: Any) -> Routine:
        signature, places, needed = shape.signature, shape.places, shape.needed
        calls, makes, of_the_pending = self._calls, contract.name in _MAKERS, contract.name in _OF_THE_PENDING
        wanted = shape.wanted if contract.kind is Kind.CALL else ()
        watched_of, ledger, touch = self._watch_of, self._ledger, self._touch
        is_entry, name = contract.kind is not Kind.CALL, contract.name
        # Whoever has one adapter for ever.
        own = None if who is None else watched_of(who)
        told = NOBODY if own is None else own.looks.get(name, NOBODY)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if is_entry and is_driver_code(sys._getframe(1).f_code.co_filename):
                return routine(*args, **kwargs)
            doer, watch, (before, after, ended) = who, own, told
            if doer is None and args:
                doer, watch = args[0], watched_of(args[0])
                before, after, ended = told if watch is None else watch.looks.get(name, NOBODY)
            if watch is None:
                return routine(*args, **kwargs)
            arguments = _in_order(signature, args, kwargs) if kwargs else args
            call = Call(contract, doer, watch.kernel.current, arguments, places)
            if of_the_pending:
                call.concern(watch.adapter.requests.current)
            fits = False
            try:
                fits = not wanted or _fits(watch, call, wanted, needed)
                if fits:
                    if ledger.on:
                        ledger.note(call)
                    if touch is not None:
                        touch.show(call.items)
                    if before:
                        watch.tell_call(before, call)
            except Exception as error:  # noqa: BLE001 - a driver may hand over anything, and the run goes on
                watch.failed(f"the look at {name}", error, call)
            calls.append(call)
            try:
                call.result = result = routine(*args, **kwargs) if kwargs else routine(*args)
            except BaseException as error:
                call.error = error
                if not is_entry and isinstance(error, RuleViolation):
                    _record(watch, call, error)
                raise
            finally:
                calls.pop()
                if fits and (call.error is not None or type(call.result) is not CoroutineType):
                    self._back(watch, call, after)
                    if is_entry and ended:
                        watch.tell_call(ended, call)
                    call.ended()
            if type(result) is CoroutineType:
                return self._followed(watch, call, result)
            if makes and result is not None:
                self._stand_before(result, doer)
            return result

        watched.__name__ = getattr(routine, "__name__", contract.name)
        watched.__qualname__ = getattr(routine, "__qualname__", contract.name)
        return watched

    def _back(self, watch: Watch, call: Call, after: Looks) -> None:
        """Control has come back from a call; one that makes something was about that."""
        if not call.items and call.result is not None:
            call.concern(call.result)
        if self._ledger.settles:
            self._ledger.settle(call)
        if after:
            watch.tell_call(after, call)

    def _followed(self, watch: Watch, call: Call, coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that does what this one does, and whose end is told."""
        _, after, ended = watch.looks.get(call.name, NOBODY)

        async def followed() -> Any:
            try:
                call.result = await coroutine
            except BaseException as error:
                call.error = error
                raise
            finally:
                # If it never suspended, this is also when it comes back.
                if self._suspended.pop(shadow, None) is not None or call.contract.kind is Kind.PASSIVE:
                    self._back(watch, call, after)
                watch.tell_call(ended, call)
                call.ended()
            return call.result

        shadow = followed()
        # Who is told of the coroutine is told its own name.
        for name in ("__name__", "__qualname__"):
            setattr(shadow, name, getattr(coroutine, name))
        if call.contract.kind is not Kind.PASSIVE:
            self._suspended[shadow] = watch, call
        return shadow

    def _touched(self, touch: Touch) -> None:
        for watch in self._watches.values():
            watch.tell_of(Moment.TOUCHED, touch, name=touch.field)

    def _refuse(self, handle: Any, deed: str) -> None:
        """Refuse what driver code does to a handle, if that is watched for."""
        watch = self._watch_of(handle) or self._watch_of(getattr(handle, "_adapter", None))
        if watch is not None and watch.looks_for("handle-opaque"):
            name = getattr(handle, "name", watch.adapter.name)
            text = f"driver code tried to {deed} of {handle!r}, which is NDIS's own; it calls what NDIS gives it, and keeps its own elsewhere"
            raise RuleViolation("handle-opaque", text, watch.kernel.report("handle-opaque", name, text, watched=True))

    def _watch_of(self, doer: Any) -> Watch | None:
        adapter = getattr(doer, "adapter", None) or doer
        return self._watches.get(adapter) if isinstance(adapter, Adapter) else None


def _fits(watch: Watch, call: Call, wanted: Sequence[Wanted], needed: int) -> bool:
    """Whether a driver hands over what the routine takes; what it does not take is reported, and no rule looks at it."""
    arguments = call.arguments
    given, wrong = len(arguments), None
    if given < needed:
        # Python says so.
        return False
    kind = kind_of(call.items)
    for one in wanted:
        try:
            if one.place >= given:
                break
            value = arguments[one.place]
            # Of a burst the one look at all of its items is enough.
            if not (one.kind is kind and type(value) in USUAL) and not one.test(value):
                wrong = one
                break
        except Exception:  # noqa: BLE001 - what does not even let itself be looked at
            wrong = one
            break
    if wrong is not None:
        value = arguments[wrong.place]
        given_kind = type(value).__name__
        text = f"{call.who.name} called {call.name} with {shown(value)}, a {given_kind}, as {wrong.name}; it takes {wrong.right}"
        watch.breach("call-argument", text, None, call.who.name)
        return False
    found = maimed(call.items, kind) if call.items else None
    if found is not None:
        item, what = found
        text = f"{call.who.name} called {call.name} with {shown(item)}, which {what}"
        watch.breach("descriptor-whole", text, item, call.who.name)
    return found is None


def _entered(frame: FrameType) -> Any:
    """Return the driver that NDIS has entered in a frame; None if it is no frame of the border, or a call of NDIS."""
    if frame.f_code.co_qualname != _WRAPPER or not frame.f_locals["is_entry"]:
        return None
    doer = frame.f_locals.get("doer")
    return doer.miniport if isinstance(doer, Adapter) else getattr(doer, "protocol", None)


class _Shape(NamedTuple):
    """What a method is declared to take, without `self`: its parameters' places, how many it needs, what is tested of them."""

    signature: inspect.Signature
    places: Mapping[str, int]
    needed: int
    wanted: Sequence[Wanted]


@cache
def _shape(declared: Routine) -> _Shape:
    """Return the shape of a declaration, which is the same for every adapter."""
    signature = inspect.signature(declared)
    own = signature.replace(parameters=tuple(signature.parameters.values())[1:])
    places = {name: place for place, name in enumerate(own.parameters)}
    needed = sum(one.default is inspect.Parameter.empty for one in own.parameters.values())
    return _Shape(own, places, needed, tests(own))


def _record(watch: Watch, call: Call, refusal: RuleViolation) -> None:
    """Record a refusal, which a driver may catch and go on as if nothing were; of a stopped one everything is refused."""
    adapter = watch.adapter
    if refusal.finding is None and (adapter.alive or adapter.startable):
        refusal.finding = watch.kernel.report(
            refusal.rule, call.who.name, refusal.text, watched=True, about=refusal.about
        )


def _in_order(signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the arguments by place; a call that does not fit the routine is told as far as it goes."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return args
    bound.apply_defaults()
    return tuple(bound.arguments.values())
