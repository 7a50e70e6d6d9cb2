"""Frames as bytes: Ethernet addresses and sizes, and capture files.

A frame is an immutable `bytes` from the destination address to the end of the
payload, without the frame check sequence; a card appends that on the wire.
`ethernet` names the sizes and addresses, `capture` reads frames from files
that anyone wrote, `pcapng` encodes the ones that an emulation writes.

Not here: anything that moves frames (see `ndisemu.link`), and dissection,
which capture tools do better.
"""
