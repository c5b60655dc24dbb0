"""The formats of sources of theorems by the name that `--format` has for them: one line each.

To add one, write its module with a `SourceFormat`, and name it here.
"""

from collections.abc import Iterator, Mapping

from prover.registry import choose
from prover.sources.rows import Source, SourceFormat, SourceRow
from verifier.errors import InvalidInput

__all__ = ["AUTO", "SOURCE_FORMATS", "read_source"]

AUTO = "auto"
"""In place of a format: the first that recognises the source."""

SOURCE_FORMATS: Mapping[str, str] = {
    "families": "prover.sources.generated:FAMILIES",
    "jsonl": "prover.sources.datasets:JSONL",
    "leandojo": "prover.sources.leandojo:LEANDOJO",
    "lean": "prover.sources.lean_files:LEAN",
}


def read_source(
    source: Source, format: str = AUTO, formats: Mapping[str, str] = SOURCE_FORMATS
) -> Iterator[SourceRow]:
    """The theorems of a source, row by row, by the format of this name, or by the first that recognises it.

    Raises:
        InvalidInput: there is no such source or no such format, or the source as a whole cannot be read.
    """
    if format != AUTO:
        chosen: SourceFormat = choose("format of sources", formats, format)
        return chosen.read(source)
    known: list[SourceFormat] = [choose("format of sources", formats, name) for name in formats]
    for candidate in known:
        if candidate.recognises(source.path):
            return candidate.read(source)
    if not source.path.exists():
        raise InvalidInput(f"there is nothing at {source.location}: give a file, a directory, or `families`")
    raise InvalidInput(f"what {source.location} is cannot be seen from its name: say so with --format")
