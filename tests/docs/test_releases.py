"""docs/releases.md has the numbers of file formats that the code has; one version stands everywhere."""

import re

from tests.support.places import ROOT
from verifier import __version__


def test_the_numbers_of_files_and_messages_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "releases.md").read_text("utf-8")
    rows = re.findall(r"^\| .+? \| `(\w+ = \d+)` \| `([\w/.]+)` \|", page, re.MULTILINE)
    assert len(rows) == 3
    for number, module in rows:
        assert f"\n{number}\n" in (ROOT / module).read_text("utf-8"), (
            f"docs/releases.md: {number} in {module}"
        )


def test_the_citation_has_the_version_of_the_package() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
