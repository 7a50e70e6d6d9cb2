"""`python -m ndisemu`."""

from ndisemu.cli.main import main

if __name__ == "__main__":
    main()
