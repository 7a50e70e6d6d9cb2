"""The register map of the 82540EM, as a table.

Offsets, access and reset values follow the *PCI/PCI-X Family of Gigabit
Ethernet Controllers Software Developer's Manual* (317453), section 13; where
it leaves the width of a field open, the read-back mask is the one with which
the vendor driver's register test agrees. The card keeps one 32-bit word for
each row; what a write or a read does beyond that is code in `nic`.

Drivers import the offsets and bits from here and nothing else of the card.
The rows marked `later` store what is written: extended descriptors, EEPROM,
PHY, delay timers, flow control and wake-up have their place but no engine yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Access(Enum):
    """What software may do with a register."""

    READ_WRITE = "RW"
    READ_ONLY = "RO"
    WRITE_ONLY = "WO"
    READ_CLEARS = "RC"


@dataclass(frozen=True, slots=True)
class Register:
    """One row: `count` consecutive words from `offset`; `mask` are the bits that a write can change."""

    offset: int
    name: str
    access: Access
    mask: int = 0xFFFFFFFF
    reset: int = 0
    count: int = 1


CTRL: Final = 0x0000
STATUS: Final = 0x0008
EECD: Final = 0x0010
EERD: Final = 0x0014
CTRL_EXT: Final = 0x0018
MDIC: Final = 0x0020
VET: Final = 0x0038
ICR: Final = 0x00C0
ITR: Final = 0x00C4
ICS: Final = 0x00C8
IMS: Final = 0x00D0
IMC: Final = 0x00D8
RCTL: Final = 0x0100
TCTL: Final = 0x0400
TIPG: Final = 0x0410
PBA: Final = 0x1000
RDBAL: Final = 0x2800
RDBAH: Final = 0x2804
RDLEN: Final = 0x2808
RDH: Final = 0x2810
RDT: Final = 0x2818
RDTR: Final = 0x2820
RXDCTL: Final = 0x2828
RADV: Final = 0x282C
TDBAL: Final = 0x3800
TDBAH: Final = 0x3804
TDLEN: Final = 0x3808
TDH: Final = 0x3810
TDT: Final = 0x3818
TIDV: Final = 0x3820
TXDCTL: Final = 0x3828
TADV: Final = 0x382C
MPC: Final = 0x4010
PRC64: Final = 0x405C
PRC1522: Final = 0x4070
GPRC: Final = 0x4074
BPRC: Final = 0x4078
MPRC: Final = 0x407C
GPTC: Final = 0x4080
GORCL: Final = 0x4088
GORCH: Final = 0x408C
GOTCL: Final = 0x4090
GOTCH: Final = 0x4094
RNBC: Final = 0x40A0
ROC: Final = 0x40AC
TORL: Final = 0x40C0
TORH: Final = 0x40C4
TOTL: Final = 0x40C8
TOTH: Final = 0x40CC
TPR: Final = 0x40D0
TPT: Final = 0x40D4
PTC64: Final = 0x40D8
PTC1522: Final = 0x40EC
MPTC: Final = 0x40F0
BPTC: Final = 0x40F4
RXCSUM: Final = 0x5000
MTA: Final = 0x5200
RAL0: Final = 0x5400
RAH0: Final = 0x5404
VFTA: Final = 0x5600

# CTRL (13.4.1) and STATUS (13.4.2)
CTRL_FD: Final = 1 << 0
CTRL_SLU: Final = 1 << 6
CTRL_RST: Final = 1 << 26
CTRL_VME: Final = 1 << 30
STATUS_FD: Final = 1 << 0
STATUS_LU: Final = 1 << 1
STATUS_SPEED_1000: Final = 2 << 6

# Interrupt causes (13.4.17)
TXDW: Final = 1 << 0
TXQE: Final = 1 << 1
LSC: Final = 1 << 2
RXDMT0: Final = 1 << 4
RXO: Final = 1 << 6
RXT0: Final = 1 << 7
CAUSES: Final = 0x0001FFFF
# Throttling counts in units of 256 ns (13.4.18).
ITR_UNIT: Final = 256

# RCTL (13.4.22)
RCTL_EN: Final = 1 << 1
RCTL_UPE: Final = 1 << 3
RCTL_MPE: Final = 1 << 4
RCTL_LPE: Final = 1 << 5
RCTL_RDMTS: Final = 3 << 8
RCTL_MO: Final = 3 << 12
RCTL_BAM: Final = 1 << 15
RCTL_BSIZE: Final = 3 << 16
RCTL_VFE: Final = 1 << 18
RCTL_BSEX: Final = 1 << 25
RCTL_SECRC: Final = 1 << 26
# Buffer size in bytes: the BSIZE field and BSEX that ask for it.
BUFFER_SIZES: Final[Mapping[int, int]] = MappingProxyType(
    {
        2048: 0,
        1024: 1 << 16,
        512: 2 << 16,
        256: 3 << 16,
        16384: 1 << 16 | RCTL_BSEX,
        8192: 2 << 16 | RCTL_BSEX,
        4096: 3 << 16 | RCTL_BSEX,
    }
)

# TCTL (13.4.33)
TCTL_EN: Final = 1 << 1
TCTL_PSP: Final = 1 << 3

RAH_AV: Final = 1 << 31

# The second word of a legacy receive descriptor (3.2.3): length, checksum,
# status, errors, special.
RX_DD: Final = 1 << 32
RX_EOP: Final = 1 << 33
RX_IXSM: Final = 1 << 34
RX_VP: Final = 1 << 35
RX_LENGTH: Final = 0xFFFF

# The second word of a legacy transmit descriptor (3.3.3): length, CSO, CMD,
# STA, CSS, special.
TX_LENGTH: Final = 0xFFFF
TX_EOP: Final = 1 << 24
TX_IFCS: Final = 1 << 25
TX_IC: Final = 1 << 26
TX_RS: Final = 1 << 27
TX_DEXT: Final = 1 << 29
TX_VLE: Final = 1 << 30
TX_DD: Final = 1 << 32

# Where the special field of both kinds begins: the tag of a frame in a VLAN.
SPECIAL_SHIFT: Final = 48

_RW, _RO, _WO, _RC = Access.READ_WRITE, Access.READ_ONLY, Access.WRITE_ONLY, Access.READ_CLEARS

REGISTERS: Final[tuple[Register, ...]] = (
    Register(CTRL, "CTRL", _RW, reset=CTRL_FD),
    Register(STATUS, "STATUS", _RO, reset=STATUS_FD | STATUS_SPEED_1000),
    Register(EECD, "EECD", _RW),  # later
    Register(EERD, "EERD", _RW),  # later
    Register(CTRL_EXT, "CTRL_EXT", _RW),
    Register(MDIC, "MDIC", _RW),  # later
    Register(0x0028, "FCAL", _RW),
    Register(0x002C, "FCAH", _RW, 0xFFFF),
    Register(0x0030, "FCT", _RW, 0xFFFF),
    Register(VET, "VET", _RW, 0xFFFF, reset=0x8100),
    Register(ICR, "ICR", _RC, CAUSES),
    Register(ITR, "ITR", _RW, 0xFFFF),
    Register(ICS, "ICS", _WO, CAUSES),
    Register(IMS, "IMS", _RW, CAUSES),
    Register(IMC, "IMC", _WO, CAUSES),
    Register(RCTL, "RCTL", _RW, 0x06FFB3FE),
    Register(0x0170, "FCTTV", _RW, 0xFFFF),
    Register(0x0178, "TXCW", _RW, 0xC000FFFF),
    Register(0x0180, "RXCW", _RO),
    Register(TCTL, "TCTL", _RW, 0x03FFFFFA),
    Register(TIPG, "TIPG", _RW, 0x3FFFFFFF),
    Register(0x0458, "AIT", _RW, 0xFFFF),
    Register(0x0E00, "LEDCTL", _RW),
    Register(PBA, "PBA", _RW, 0x7F, reset=0x30),
    Register(0x2160, "FCRTL", _RW, 0x8000FFF8),
    Register(0x2168, "FCRTH", _RW, 0xFFF8),
    Register(RDBAL, "RDBAL", _RW, 0xFFFFFFF0),
    Register(RDBAH, "RDBAH", _RW),
    Register(RDLEN, "RDLEN", _RW, 0xFFF80),
    Register(RDH, "RDH", _RW, 0xFFFF),
    Register(RDT, "RDT", _RW, 0xFFFF),
    Register(RDTR, "RDTR", _RW, 0xFFFF),  # later
    Register(RXDCTL, "RXDCTL", _RW),
    Register(RADV, "RADV", _RW, 0xFFFF),  # later
    Register(TDBAL, "TDBAL", _RW, 0xFFFFFFF0),
    Register(TDBAH, "TDBAH", _RW),
    Register(TDLEN, "TDLEN", _RW, 0xFFF80),
    Register(TDH, "TDH", _RW, 0xFFFF),
    Register(TDT, "TDT", _RW, 0xFFFF),
    Register(TIDV, "TIDV", _RW, 0xFFFF),  # later
    Register(TXDCTL, "TXDCTL", _RW),
    Register(TADV, "TADV", _RW, 0xFFFF),  # later
    Register(0x4000, "statistics", _RC, count=64),
    Register(RXCSUM, "RXCSUM", _RW, 0x7FF),
    Register(MTA, "MTA", _RW, count=128),
    Register(RAL0, "RA", _RW, count=32),
    Register(VFTA, "VFTA", _RW, count=128),
    Register(0x5800, "WUC", _RW),
    Register(0x5808, "WUFC", _RW),
    Register(0x5820, "MANC", _RW),
)
RAH_MASK: Final = 0x8003FFFF


def register_name(offset: int) -> str:
    """Return the name of the register at `offset`, such as `RDT` or `MTA[5]`."""
    for row in REGISTERS:
        place, rest = divmod(offset - row.offset, 4)
        if 0 <= place < row.count and rest == 0:
            return row.name if row.count == 1 else f"{row.name}[{place}]"
    return f"offset {offset:#06x}"
