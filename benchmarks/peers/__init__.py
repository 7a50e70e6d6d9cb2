"""Other systems that carry frames, and ndisemu among them, in turn in one session.

One file per peer, used as its documentation uses it, in its fastest
configuration. What a frame goes through differs from peer to peer and stands
beside each rate; a rate alone compares nothing.

`python -m benchmarks.peers` needs the optional extra `peers`. None of these
packages is ever imported by `ndisemu`.
"""
