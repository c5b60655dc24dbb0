"""docs/releases.md has the numbers of file formats that the code has; one version stands everywhere."""

import re
from importlib import import_module

from tests.support.places import ROOT
from verifier import __version__


def test_the_numbers_of_files_and_messages_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "releases.md").read_text("utf-8")
    rows = re.findall(r"^\| .+? \| `(\w+) = (\d+)` \| `([\w/]+)\.py` \|", page, re.MULTILINE)
    assert len(rows) == 3
    for name, number, module in rows:
        found = getattr(import_module(module.replace("/", ".")), name)
        assert found == int(number), f"docs/releases.md: {name} of {module} is {found}"


def test_the_citation_has_the_version_of_the_package() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
