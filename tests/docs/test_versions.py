"""Results of the doctor on other Leans become a table, and what is no result is named."""

import json
from pathlib import Path

import pytest

from docs.versions import PAGE, main, read_examination, versions_table, with_results
from verifier.lean.pins import PINS

OLD = "Lean (version 4.9.0, x86_64-unknown-linux-gnu, commit 8f9843a4a5fe, Release)"
NEW = "Lean (version 4.34.1, x86_64-unknown-linux-gnu, commit 5045d0056413, Release)"


def result(
    directory: Path, asked: str, lean: str, checks: dict[str, bool] | None, project: str = "bare"
) -> Path:
    directory.mkdir()
    about = {"asked": asked, "lean": lean, "project": project, "date": "2026-10-05", "commit": "0123456789ab"}
    (directory / "run.json").write_text(json.dumps(about))
    if checks is not None:
        found = [{"name": name, "ok": ok, "figure": 1, "says": ""} for name, ok in checks.items()]
        (directory / "doctor.json").write_text(json.dumps({"checks": found}))
    return directory


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_versions_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    found = [
        result(tmp_path / "n", "nightly", "", None),
        result(tmp_path / "b", "latest", NEW, {"a": True}, "mathlib"),
        result(tmp_path / "c", "4.34.1", NEW, {"a": True}),
        result(tmp_path / "a", "4.9.0", OLD, {"a": True}),
    ]
    table = versions_table([read_examination(directory) for directory in found])
    assert [row[:2] for row in rows(table)] == [
        ["4.9.0", "bare"],
        ["4.34.1", "bare"],
        ["4.34.1 (latest)", "mathlib"],
        ["nightly", "bare"],
    ]


def test_a_row_says_how_many_checks_hold_and_which_do_not(tmp_path: Path) -> None:
    checks = {"worker": True, "a|b": False, **{f"cheat {n}": False for n in range(6)}}
    table = versions_table([read_examination(result(tmp_path / "a", "4.9.0", OLD, checks))])
    assert rows(table) == [
        [
            "4.9.0",
            "bare",
            "1 of 8",
            "a¦b, cheat 0, cheat 1, cheat 2, cheat 3, and 2 more",
            "2026-10-05, 01234567",
        ]
    ]


@pytest.mark.parametrize("printed", [None, "", "\n"])
def test_a_doctor_that_never_answered_is_no_doctor_that_found_nothing(
    printed: str | None, tmp_path: Path
) -> None:
    directory = result(tmp_path / "a", "4.9.0", OLD, None)
    if printed is not None:
        (directory / "doctor.json").write_text(printed)
    assert "did not come to an end" in versions_table([read_examination(directory)])


@pytest.mark.parametrize("printed", ["[]", "{}", '{"checks": [{"name": "a"}]}', '{"checks": [1]}', "{"])
def test_what_is_no_answer_of_the_doctor_is_named(
    printed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = result(tmp_path / "a", "4.9.0", OLD, None)
    (directory / "doctor.json").write_text(printed)
    assert main([str(directory)]) == 1
    assert "doctor.json" in capsys.readouterr().err


def test_a_directory_without_a_result_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_results_take_the_place_of_the_table_on_the_page(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    found = [read_examination(result(tmp_path / "a", "4.9.0", OLD, {"worker": True}))]
    filled = with_results(page, found)
    assert versions_table(found) in filled and versions_table(found) not in page
    # Nothing else changes, and without results the page is as it was.
    assert with_results(filled, []) == with_results(page, [])


def test_the_page_says_of_each_pin_where_it_is_from() -> None:
    page = PAGE.read_text("utf-8")
    for pin in PINS:
        assert f"`{pin.name}`" in page and pin.source in page and pin.unseen in page
