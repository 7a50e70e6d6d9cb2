"""Programs that measure: memory, endurance, and in `micro` the claims that the code's comments make."""
