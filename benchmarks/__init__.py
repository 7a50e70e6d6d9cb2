"""Programs that measure beside `ndisemu bench`: memory, endurance, layers, and more.

In `micro` the claims that the code's comments make, in `reference` what plain
Python can do at best for the same work, in `peers` what other systems do.
`page` writes what was measured into the documentation.
"""
