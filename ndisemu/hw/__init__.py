"""The virtual Intel 82540EM: a register-accurate gigabit Ethernet card. It knows no NDIS."""

from ndisemu.hw.nic import Nic

__all__ = ["Nic"]
