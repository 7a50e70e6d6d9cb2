"""Messages on the signalling circuit: packets out, and what waits for one."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.protocols.signalling.messages import Message
from ndisemu.ndis import Packet
from ndisemu.ndis.co import CallManagerVc, CoBinding

MESSAGES: Final = 64
MESSAGE_SIZE: Final = 256


class Messenger:
    """Sends the messages of the station `address` on `vc`, in their order."""

    def __init__(self, binding: CoBinding, vc: CallManagerVc, address: bytes) -> None:
        self._vc = vc
        self._address = address
        self._free = deque(binding.allocate_packets(MESSAGES, MESSAGE_SIZE))
        self._waiting: deque[bytes] = deque()

    def send(self, peer: bytes, message: Message) -> None:
        """Send a message, or keep it until a packet is free."""
        self._waiting.append(message.frame(peer, self._address))
        self._send_waiting()

    def take_back(self, packets: Sequence[Packet]) -> None:
        """Packets were sent, and can carry the next messages."""
        self._free.extend(packets)
        if self._waiting:
            self._send_waiting()

    def _send_waiting(self) -> None:
        packets = []
        while self._waiting and self._free:
            packet = self._free.popleft()
            packet.fill(self._waiting.popleft())
            packets.append(packet)
        if packets:
            self._vc.send_packets(packets)
