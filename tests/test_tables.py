"""Tables of the documentation that state defaults are those of the code."""

from pathlib import Path

import pytest

from trainer.tables import TABLES, with_tables

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_the_defaults_of_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert with_tables(text) == text, "run `python -m trainer.tables` and commit docs/"


def test_every_table_is_on_a_page() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    for name in TABLES:
        assert f"<!-- {name} -->" in text and f"<!-- /{name} -->" in text
