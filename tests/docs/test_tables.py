"""Tables of the documentation that state defaults are those of the code."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from tests.support.places import ROOT
from trainer.tables import TABLES, settings_table, with_tables


class Base(BaseModel):
    rate: float = 0.1
    """How fast."""


class Section(Base):
    rate: float = 0.2
    names: Literal["a", "b"] = "a"
    """Which of them."""
    undocumented: int = 3


PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_the_defaults_of_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert with_tables(text) == text, "run `python -m trainer.tables` and commit docs/"


def test_a_setting_has_its_own_meaning_and_none_is_missing() -> None:
    rows = settings_table("section", Section).splitlines()[2:]
    assert rows == ["| `rate` | 0.2 | How fast. |", "| `names` | a | Which of them. |"]


def test_every_table_is_on_a_page() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    for name in TABLES:
        assert f"<!-- {name} -->" in text and f"<!-- /{name} -->" in text
