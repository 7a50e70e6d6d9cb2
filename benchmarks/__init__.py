"""Programs that measure beside `ndisemu bench`: memory, endurance, and more.

In `micro` the claims that the code's comments make, in `reference` what plain
Python can do at best for the same work, in `peers` what other systems do.
"""
