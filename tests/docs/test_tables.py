"""Tables of the documentation that state defaults are those of the code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from docs.tables import TABLES, settings_table, with_tables
from tests.support.places import ROOT
from trainer.config import RunConfig
from verifier.settings import Section, meaning_of


class Base(Section):
    rate: float = 0.1
    """How fast."""


class Faster(Base):
    rate: float = 0.2
    names: Literal["a", "b"] = "a"
    """Which of them."""
    undocumented: int = 3


PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_the_defaults_of_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert with_tables(text) == text, "run `make docs` and commit docs/"


def test_a_setting_has_its_own_meaning_and_none_is_missing() -> None:
    rows = settings_table("section", Faster).splitlines()[2:]
    assert rows == ["| `rate` | 0.2 | How fast. |", "| `names` | a | Which of them. |"]


def test_every_setting_of_a_run_says_what_it_means() -> None:
    def unexplained(settings: type[BaseModel], within: str = "") -> Iterator[str]:
        for name, field in settings.model_fields.items():
            if isinstance(field.default, BaseModel):
                yield from unexplained(type(field.default), f"{within}{name}.")
            elif not meaning_of(settings, name):
                yield f"{within}{name}"

    assert list(unexplained(RunConfig)) == []


def test_every_table_is_on_a_page() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    for name in TABLES:
        assert f"<!-- {name} -->" in text and f"<!-- /{name} -->" in text
