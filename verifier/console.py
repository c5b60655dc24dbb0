"""What people see of a command: plain lines and progress bars, on stderr, so that stdout stays data."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["progress_bars", "say", "stderr"]

stderr = Console(stderr=True)


def say(text: str, style: str | None = None) -> None:
    """Print `text` as it is: no markup is read in it, and long lines are left to the terminal."""
    stderr.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def progress_bars(*, remaining: bool = False) -> Progress:
    """Bars that show how many of how many are done, and the time so far; `remaining` adds the time left."""
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    if remaining:
        columns += [TextColumn("left:"), TimeRemainingColumn()]
    return Progress(*columns, console=stderr)
