"""The declared contracts against the documents, both ways: names and IRQLs as the DDK has them, none missing.

`ENTRIES` and `CALLS` are transcribed from NDIS reference 1.2, 2.1, 3.1 and 3.2 and from `wdm.h` (Io...), not from the
code. A routine of theirs that is not built yet has no row; a row without code, and code without a row, fail.
"""

import inspect
from collections.abc import Iterator
from typing import Final

import pytest

from ndisemu.ndis import Binding, v5
from ndisemu.ndis.ddi import Contract, Kind, contract

# A name, the IRQL it is called at or may be called at, and its kind.
ENTRIES: Final = """
MiniportInitialize          == PASSIVE   PASSIVE_LEVEL only
MiniportHalt                == PASSIVE   PASSIVE_LEVEL only
MiniportSendPackets         <= DISPATCH  may pend
MiniportReturnPacket        <= DISPATCH  immediate
MiniportISR                 == DIRQL     immediate
MiniportHandleInterrupt     == DISPATCH  immediate
MiniportDisableInterrupt    == DIRQL     immediate
MiniportEnableInterrupt     == DIRQL     immediate
MiniportQueryInformation    <= DISPATCH  may pend
MiniportSetInformation      <= DISPATCH  may pend
ProtocolBindAdapter         == PASSIVE   PASSIVE_LEVEL only
ProtocolUnbindAdapter       == PASSIVE   PASSIVE_LEVEL only
ProtocolSendComplete        == DISPATCH  immediate
ProtocolReceivePacket       == DISPATCH  immediate
ProtocolRequestComplete     == DISPATCH  immediate
"""

CALLS: Final = """
NdisMSetAttributesEx           == PASSIVE
NdisMMapIoSpace                == PASSIVE
NdisReadRegisterUlong          any
NdisWriteRegisterUlong         any
NdisMRegisterInterrupt         == PASSIVE
NdisMDeregisterInterrupt       == PASSIVE
NdisMSynchronizeWithInterrupt  <= DIRQL
NdisMInitializeTimer           == PASSIVE
NdisMSetTimer                  <= DISPATCH
NdisMAllocateSharedMemory      == PASSIVE
NdisMFreeSharedMemory          == PASSIVE
NdisAllocatePacketPoolEx       <= DISPATCH
NdisFreePacketPool             <= DISPATCH
NdisAllocatePacket             <= DISPATCH
NdisAllocateBuffer             <= DISPATCH
NdisMSendComplete              <= DISPATCH
NdisMSendResourcesAvailable    == DISPATCH
NdisMIndicateReceivePacket     <= DISPATCH
NdisMQueryInformationComplete  <= DISPATCH
NdisMSetInformationComplete    <= DISPATCH
NdisAllocateSpinLock           any
NdisScheduleWorkItem           <= DISPATCH
NdisInitializeEvent            == PASSIVE
NdisMSleep                     < DISPATCH
NdisStallExecution             any
NdisOpenAdapter                == PASSIVE
NdisCloseAdapter               == PASSIVE
NdisSendPackets                <= DISPATCH
NdisReturnPackets              <= DISPATCH
NdisRequest                    <= DISPATCH
NdisGetCurrentSystemTime       any
NdisInitializeTimer            == PASSIVE
IoCallDriver                   <= DISPATCH
IoCancelIrp                    <= DISPATCH
"""

FACES: Final = (v5.Miniport, v5.Protocol, v5.MiniportLibrary, v5.RegisterSpace, v5.BindContext, Binding)

EXCEPTIONS: Final = {
    "Binding.query": "NdisRequest and the wait for its end in one; `request` bears the contract",
    "Binding.set": "NdisRequest and the wait for its end in one; `request` bears the contract",
    "Binding.sends_completed": "called by the adapter, not by a protocol",
    "Binding.received": "called by the adapter, not by a protocol",
    "Binding.request_completed": "called by the adapter, not by a protocol",
    "Binding.returned_too_much": "called by the adapter, not by a protocol",
}


def methods() -> Iterator[tuple[str, object]]:
    """Give every public method of what drivers see, by its dotted name."""
    for face in FACES:
        for name, member in vars(face).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                yield f"{face.__name__}.{name}", member


DECLARED: Final = [(name, found) for name, method in methods() if (found := contract(method)) is not None]


def rows(table: str) -> dict[str, str]:
    """Read a table: what stands behind each name."""
    return {name: " ".join(rest) for name, *rest in map(str.split, table.strip().splitlines())}


def said(found: Contract) -> str:
    """Say a contract as the tables do."""
    return found.irql if found.kind is Kind.CALL else f"{found.irql} {found.kind.value}"


def test_every_public_method_declares_its_contract_or_is_an_exception() -> None:
    """What a driver supplies or calls is a routine of the DDK; what is not, says why."""
    undeclared = [name for name, method in methods() if contract(method) is None]
    assert sorted(undeclared) == sorted(EXCEPTIONS)


@pytest.mark.parametrize(("name", "found"), DECLARED, ids=[name for name, _ in DECLARED])
def test_a_declared_contract_is_the_documents(name: str, found: Contract) -> None:
    """Name, IRQL and kind agree with the tables, and the source is named."""
    table = CALLS if found.kind is Kind.CALL else ENTRIES
    assert rows(table).get(found.name) == said(found)
    assert found.source.startswith(("NDIS reference ", "seed "))


@pytest.mark.parametrize("name", [*rows(ENTRIES), *rows(CALLS)])
def test_every_row_is_found_in_the_code(name: str) -> None:
    """Nothing is in the tables that drivers could not use; a routine has one place on each side of NDIS."""
    faces = [place.split(".")[0] for place, found in DECLARED if found.name == name]
    assert 1 <= len(faces) == len(dict.fromkeys(faces))
    assert len(faces) == 1 or name == "NdisAllocatePacketPoolEx"


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_every_face_has_contracts(face: type) -> None:
    """No class is listed in vain, and a name stands for one method of it."""
    mine = [found.name for place, found in DECLARED if place.startswith(f"{face.__name__}.")]
    assert 1 <= len(mine) == len(dict.fromkeys(mine))
