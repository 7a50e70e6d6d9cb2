"""Programs that measure: throughput, memory, and in `micro` the claims that the code's comments make."""
