"""Frames per CPU second over the whole path, the same as `python -m ndisemu bench`; `--help` lists its options."""

from ndisemu.cli.bench import command

if __name__ == "__main__":
    command(prog_name="throughput.py")
