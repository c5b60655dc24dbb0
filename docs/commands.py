"""The commands of `proofmill` with their options, as typer describes them.

python -m docs.commands         writes them into docs/cli.md; a test says when that was forgotten
"""

import html
import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.cli import get_docs_for_click

import trainer.cli  # noqa: F401  (adds its commands to those of the verifier)
from docs.rooms import ROOT
from verifier.cli.app import app

__all__ = ["PAGE", "commands_page"]

PAGE = ROOT / "docs" / "cli.md"
_HEAD = """# Commands

`make docs` writes this page from the code; `proofmill COMMAND --help` says the same. Settings that have no
option here stand in a TOML file: [settings.md](settings.md).

| command | what it does |
| --- | --- |
"""


def commands_page() -> str:
    """The page: all commands in one table, then each with its arguments and options."""
    command = typer.main.get_command(app)
    rows = "".join(
        f"| [`{name}`](#{re.sub('[^a-z0-9 -]', '', name).replace(' ', '-')}) | {summary} |\n"
        for name, summary in summaries(command, "proofmill")
    )
    described = get_docs_for_click(obj=command, ctx=typer.Context(command), name="proofmill")
    # Without the part on `proofmill` alone, which lists the commands once more.
    sections = html.unescape(described[described.index("\n## ") :])
    without_help = re.sub(r"(\*\*Options\*\*:\n\n)?\* `--help`.*\n", "", sections)
    return _HEAD + rows + re.sub("\n{3,}", "\n\n", without_help).rstrip() + "\n"


def summaries(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """The commands below a command, or itself, with the first paragraph of what they say."""
    if hasattr(command, "commands"):
        for word, inner in command.commands.items():
            yield from summaries(inner, f"{name} {word}")
    else:
        yield name, " ".join((command.help or "").partition("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(commands_page(), "utf-8")
