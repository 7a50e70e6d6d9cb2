"""Mistakes that real drivers have had, each in a driver of our own, and its mended twin.

The stories are public reports; nothing of the drivers they tell of is here.
`scenarios/zoo` runs each driver and says what must be found.
"""
