"""What people see of a benchmark: tables on a terminal, charts, one page, and a comparison with an earlier result.

All of it is made from a `Document` alone; no mode is known here.
"""
