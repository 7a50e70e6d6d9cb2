"""One claim per file: small comparisons that justify an optimisation where a comment in the code names them.

`python -m benchmarks.micro` tests them all, `python -m benchmarks.micro.probe` one of them.
"""
