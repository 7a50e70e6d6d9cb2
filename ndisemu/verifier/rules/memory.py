"""The rules of memory, pools and handles."""

from typing import Final

from ndisemu.verifier.rule import EVERY, Code, Model, Refused, Rule


class MemDoubleFree(Refused):
    """What was allocated is freed once, into the pool that it came from, by whoever has it."""

    id = "mem-double-free"
    models = EVERY
    source = "DDK: NdisFreePacket, NdisFreeBuffer, NdisFreeNetBufferList and their pools"
    why = "The next allocation gives it to two owners."
    code = Code(0xC2, "BAD_POOL_CALLER", ("7: freed already",))


class PoolLeak(Refused):
    """Every pool is freed when the halt returns, or an initialization that fails, and everything of it before."""

    id = "pool-leak"
    models = EVERY
    source = "DDK: NdisFreePacketPool, NdisFreeBufferPool, NdisFreeNetBufferListPool"
    why = "Nobody knows any more whose memory it is."
    code = Code(0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION", ("0x62: pool that was not freed",))


class NbTooShort(Refused):
    """A NET_BUFFER is no longer than the MDLs that it describes."""

    id = "nb-too-short"
    models = Model.NDIS6
    source = "DDK: NET_BUFFER (DataLength, CurrentMdlOffset)"
    why = "Whoever reads the frame reads what lies behind the last MDL."


class NbAdvance(Refused):
    """A NET_BUFFER is advanced by bytes that it has."""

    id = "nb-advance"
    models = Model.NDIS6
    source = "DDK: NdisAdvanceNetBufferDataStart"
    why = "Its length would become negative, which as an unsigned number is very long."


class NblContext(Refused):
    """Context space of a list is freed by whoever has allocated it, in the reverse order."""

    id = "nbl-context"
    models = Model.NDIS6
    source = "DDK: NdisAllocateNetBufferListContext"
    why = "Each driver would find another one's notes."


class NblFreeParent(Refused):
    """A list is freed after its clones."""

    id = "nbl-clone-free"
    models = Model.NDIS6
    source = "DDK: NdisAllocateCloneNetBufferList, NdisFreeCloneNetBufferList"
    why = "A clone describes the parent's bytes."


RULES: Final[tuple[type[Rule], ...]] = (MemDoubleFree, PoolLeak, NbTooShort, NbAdvance, NblContext, NblFreeParent)
