"""Reference drivers: miniports for the virtual card, and protocols. Written to be read, and to be copied from."""
