"""The console that reports, lists and explanations are printed on."""

from typing import Final, NoReturn, TextIO

from rich.console import Console

# Where nobody says how wide it is.
WIDTH: Final = 80


class Paper(Console):
    """A console on `file`: as wide as the terminal, or 80 columns. If the reader leaves, that is an error as in any print."""

    def __init__(self, file: TextIO) -> None:
        super().__init__(file=file, width=None if file.isatty() else WIDTH, highlight=False, soft_wrap=False)

    def on_broken_pipe(self) -> NoReturn:
        """Raise what `rich` has caught, which would end the process as if it had failed."""
        raise BrokenPipeError
