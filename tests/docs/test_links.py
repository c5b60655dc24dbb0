"""What pages point at is there: files, headings, and paths in the text."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.places import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")])
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:verifier|prover|trainer|tests|docs|deploy|examples)/(?!secrets)[\w./-]*\w/?)`")
"""Paths of the repository; `deploy/secrets` is made by whoever deploys."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose_of(page: Path) -> str:
    """The text without blocks of code."""
    return re.sub(r"^( *)```.*?^\1```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The headings of a page, as GitHub makes anchors of them."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} (.*)$", prose_of(page), flags=re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeats = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in found)
        found.append(f"{anchor}-{repeats}" if repeats else anchor)
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{name(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors_of(goal), (
                f"{name(page)} links to {target}: {goal.name} has no such heading"
            )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_in_the_text_exists(page: Path) -> None:
    gone = [path for path in PATH.findall(prose_of(page)) if not (ROOT / path).exists()]
    assert not gone, f"{name(page)} names {', '.join(gone)}"


def test_every_page_is_in_the_index() -> None:
    """docs/README.md, or a page that it links to, links to each page of docs/."""
    index = ROOT / "docs" / "README.md"
    reached = {index}
    todo = [index]
    while todo:
        page = todo.pop()
        for target in LINK.findall(prose_of(page)):
            goal = (page.parent / target.partition("#")[0]).resolve()
            if goal.suffix == ".md" and goal.is_relative_to(ROOT / "docs") and goal not in reached:
                reached.add(goal)
                todo.append(goal)
    missing = [name(page) for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in reached]
    assert not missing, f"link to {', '.join(missing)} in docs/README.md"


def test_a_link_is_labelled_by_the_name_its_file_has_now() -> None:
    """`[`steps.py`](objectives/tactic_spans.py)` would say the name of a file that is gone."""
    wrong = [
        f"{name(page)}: {label} → {target}"
        for page in PAGES
        for label, target in re.findall(
            r"\[`([\w./-]+\.(?:py|lean|md|toml|yml))`\]\(([^)#]+)\)", prose_of(page)
        )
        if Path(target).suffix and Path(label).name != Path(target).name
    ]
    assert not wrong, "\n".join(wrong)


def test_the_files_to_start_reading_in_are_in_their_rooms() -> None:
    rows = re.findall(
        r"^\| .* \| (.*\]\(.*/.*\).*) \| (`.*`.*) \|$", (ROOT / "README.md").read_text("utf-8"), re.M
    )
    assert rows
    for rooms, files in rows:
        folders = [ROOT / folder for folder in LINK.findall(rooms)]
        for file in re.findall(r"(?<!\[)`(\w+\.\w+)`", files):
            assert any((folder / file).exists() for folder in folders), f"README.md: {file} is not in {rooms}"
