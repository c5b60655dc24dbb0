"""The report says what the numbers carry and no more, and its page stands on its own."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.support.sample_runs import SUPERVISED, sample_held_out, sample_summary, write_sample_run
from trainer.experiments.findings import findings, write_report
from trainer.experiments.held_out import HeldOut
from trainer.run.directory import EVALUATIONS, Summary, read_run
from verifier.errors import InvalidInput


def say(**numbers: Any) -> list[str]:
    return findings(Summary.model_validate(sample_summary()), sample_held_out(**numbers))


def about(said: list[str], word: str) -> str:
    (sentence,) = [sentence for sentence in said if word in sentence]
    return sentence


def test_a_clear_gain_is_the_headline_with_both_intervals() -> None:
    assert say()[0] == (
        "Pass@1 on 240 held-out theorems rose by 48.0 points, from 28.0% [24.0, 32.0] to 76.0% [72.0, 80.0]; "
        "the 95% intervals do not overlap."
    )


def test_a_gain_inside_the_intervals_is_not_called_one() -> None:
    headline = say(after=0.33)[0]
    assert "rose by 5.0 points" in headline
    assert "does not show that learning changed it" in headline


def test_a_clear_loss_is_said_plainly() -> None:
    headline = say(before=0.5, after=0.3)[0]
    assert "fell by 20.0 points" in headline
    assert "learning made the model worse" in headline


def test_no_movement_is_neither_a_rise_nor_a_fall() -> None:
    headline = say(before=0.3, after=0.3)[0]
    assert "did not move" in headline
    assert "rose" not in headline and "fell" not in headline


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({}, "more than sharpening"),
        ({"greedy": (0.80, 0.83)}, "may be mere sharpening"),
        ({"greedy": (0.80, 0.60)}, "right less often"),
        ({"after": 0.30, "greedy": (0.60, 0.62)}, "no clear change either"),
        ({"after": 0.30}, "although sampled pass@1 shows no clear gain"),
    ],
)
def test_greedy_tells_sharpening_from_more(numbers: dict[str, Any], expected: str) -> None:
    assert expected in about(say(**numbers), "Greedy decoding")


@pytest.mark.parametrize(
    ("pass_at_8", "expected"),
    [
        ((0.65, 0.89), ": more theorems are within reach"),
        ((0.85, 0.88), "not clear that more theorems"),
        ((0.89, 0.65), ": fewer theorems are within reach"),
    ],
)
def test_pass_at_8_says_whether_more_is_within_reach(pass_at_8: tuple[float, float], expected: str) -> None:
    assert expected in about(say(pass_at_8=pass_at_8), "Pass@8 went")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({}, "+12.0 points [+8.0, +16.0] over 240 theorems: learning from verdicts gave more"),
        ({"paired": (-0.10, -0.14, -0.06)}, "−10.0 points [−14.0, −6.0]"),
        ({"paired": (-0.10, -0.14, -0.06)}, "supervised training gave more than learning from verdicts"),
        ({"paired": (0.01, -0.02, 0.04)}, "the gain cannot be credited to the verifier"),
        ({"after": 0.30, "paired": (0.01, -0.02, 0.04)}, "neither way of training is shown to be better"),
    ],
)
def test_the_control_decides_whether_the_verifier_gets_the_credit(
    numbers: dict[str, Any], expected: str
) -> None:
    assert expected in about(say(**numbers), "The control")


@pytest.mark.parametrize(
    ("portfolio", "expected"),
    [
        ((0.33, 0.56), "ahead of it at one attempt and at eight."),
        ((0.33, 0.87), "ahead of it at one attempt and not clearly different from it at eight"),
        ((0.33, 0.99), "the fixed tactics prove more than eight samples"),
        ((0.90, 0.99), "behind it at one attempt and at eight"),
    ],
)
def test_the_portfolio_is_compared_at_equal_attempts(portfolio: tuple[float, float], expected: str) -> None:
    assert expected in about(say(portfolio=portfolio), "No model at all")


@pytest.mark.parametrize(
    ("paired", "expected"),
    [
        ((0.10, 0.02, 0.18), "ahead of it at one attempt and at eight. Theorem by theorem at eight"),
        ((0.10, -0.02, 0.18), "not clearly different from it at eight"),
        ((-0.10, -0.18, -0.02), "ahead of it at one attempt and behind it at eight"),
    ],
)
def test_pairs_of_theorems_decide_on_the_portfolio_at_eight_attempts(
    paired: tuple[float, float, float], expected: str
) -> None:
    said = about(say(portfolio=(0.33, 0.87), over_portfolio=paired), "No model at all")
    assert expected in said and f"{abs(100 * paired[0]):.1f} points" in said


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        ((0.15, 0.17), "no clear sign that what was learned carries over"),
        ((0.15, 0.40), "carries over to new families"),
        ((0.40, 0.15), "learning cost the model"),
    ],
)
def test_held_out_families_show_whether_learning_carries_over(
    families: tuple[float, float], expected: str
) -> None:
    sentence = about(say(families=families), "held out whole")
    assert expected in sentence
    assert sentence.startswith("On 60 theorems of the 4 families")


def test_a_family_that_learning_cost_is_named() -> None:
    assert not [each for each in say() if "less than half as often" in each]
    lost = about(say(before=0.9, after=0.1), "less than half as often")
    assert "attempts before" in lost and "parity" in lost


def test_unknown_verdicts_are_reported_with_their_worst_effect() -> None:
    summary = Summary.model_validate(sample_summary(unknown=53))
    sentence = about(findings(summary, sample_held_out(unknown=96)), "unknown")
    # Of 9,745 in training, 2,640 for each of three policies, 1,920 of the portfolio and 8 to choose it.
    assert "149 of 19,593 verdicts (0.76%) are unknown" in sentence
    assert "about 5.0 points" in sentence
    assert not [said for said in say() if "unknown" in said]


def test_one_seed_is_never_passed_off_as_more() -> None:
    assert "one run with one seed (7)" in say()[-1]


def test_a_run_stopped_in_training_claims_nothing() -> None:
    summary = Summary.model_validate(sample_summary(finished=False))
    said = findings(summary, sample_held_out(after=None))
    assert said[0].startswith("Unfinished: before learning, pass@1 was 28.0%")
    assert not [sentence for sentence in said if "went from" in sentence or "The control" in sentence]


def test_a_run_stopped_before_its_baselines_says_which_are_missing() -> None:
    summary = Summary.model_validate(sample_summary(finished=False))
    evaluations = sample_held_out().evaluations
    done = {name: each for name, each in evaluations.items() if name not in ("control", "portfolio")}
    said = findings(summary, HeldOut(done))
    assert "rose by 48.0 points" in said[0]
    assert "before it measured the control and the portfolio" in said[1]


def test_a_run_stopped_before_any_measurement_still_speaks() -> None:
    summary = Summary.model_validate(
        {"algorithm": "grpo", "lean": {"version": "4.28.0-pre", "runtime": "embedded"}, "seed": 1}
    )
    assert findings(summary, HeldOut({}))[0] == "Unfinished: the run ended before anything was measured."


class _Page(HTMLParser):
    """Collects what the page refers to, its ids and whether its elements nest."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_small_file_without_network_or_scripts(tmp_path: Path) -> None:
    path = write_report(write_sample_run(tmp_path, sample_summary(unknown=40), sample_held_out()))
    html = path.read_text(encoding="utf-8")
    page = _Page(html)
    assert path == tmp_path / "report.html"
    assert page.open == []
    assert all(reference.startswith("#") for reference in page.references)
    assert not page.tags & {"script", "link", "iframe", "img"}
    assert "url(http" not in html and "@import" not in html
    assert len(html) < 200_000
    assert not re.search(r"#0[0-9a-b]0[0-9a-b]0[0-9a-b]\b", html), "a placeholder colour reached the page"


def test_the_page_is_the_same_each_time_it_is_written(tmp_path: Path) -> None:
    write_sample_run(tmp_path, sample_summary(), sample_held_out())
    assert write_report(tmp_path).read_bytes() == write_report(tmp_path).read_bytes()


def test_the_page_shows_every_part_of_a_finished_run(tmp_path: Path) -> None:
    html = write_report(write_sample_run(tmp_path, sample_summary(unknown=40), sample_held_out())).read_text(
        encoding="utf-8"
    )
    for part in (
        "Before learning",
        "After learning",
        "Control",
        "Portfolio",
        "Learning curve",
        "mirror_weigh",
    ):
        assert part in html
    assert html.count("<svg") == 2
    assert "induction xs with" in html and "type mismatch" in html
    assert "timeout" in html and "4.28.0-pre" in html


def test_examples_prefer_families_without_supervised_proofs(tmp_path: Path) -> None:
    html = write_report(write_sample_run(tmp_path, sample_summary(), sample_held_out())).read_text("utf-8")
    proofs = html[html.index("Proofs the model found") : html.index("Attempts Lean refuted")]
    shown = re.findall(r"<p><b>(\w+)</b>", proofs)
    assert len(shown) == len(set(shown)) == 6
    assert not SUPERVISED & {*shown}


def test_lean_text_cannot_become_markup(tmp_path: Path) -> None:
    write_sample_run(tmp_path, sample_summary(), sample_held_out())
    proof = "by\n  exact <script>alert(1)</script>"
    refuted = {"status": "rejected", "reason": "</pre><script>"}
    after = tmp_path / EVALUATIONS / "after"
    trained = json.loads((tmp_path / "attempts.jsonl").read_text().splitlines()[-1])
    measured = json.loads((after / "attempts.jsonl").read_text().splitlines()[-1])
    for directory, row in (
        (tmp_path, trained | {"family": "<b>x", "proof": proof}),
        (after, measured | {"answer": proof}),
    ):
        rows = [row | {"status": "proved"}, row | {"sample": 1} | refuted]
        (directory / "attempts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("after-greedy", "after-new-families"):
        (tmp_path / EVALUATIONS / name / "attempts.jsonl").write_text("")
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert html.count("alert(1)") == 4 and "script" not in _Page(html).tags


@pytest.mark.parametrize("stopped", ["in training", "in evaluation", "unmeasured", "at the start"])
def test_an_interrupted_run_still_gets_its_report(tmp_path: Path, stopped: str) -> None:
    summary, held_out = sample_summary(finished=False), sample_held_out(after=None)
    least = {name: summary[name] for name in ("algorithm", "lean", "seed")}
    match stopped:
        case "in training":
            write_sample_run(tmp_path, summary, held_out, iterations=4)
        case "in evaluation":
            write_sample_run(tmp_path, summary, held_out, iterations=0)
        case "unmeasured":
            write_sample_run(tmp_path, least | {"finished": False}, iterations=4)
        case _:
            (tmp_path / "summary.json").write_text(json.dumps(least))
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert _Page(html).open == []
    assert "Unfinished" in html


def test_a_row_cut_short_by_an_interrupt_is_left_out(tmp_path: Path) -> None:
    write_sample_run(tmp_path, sample_summary())
    path = tmp_path / "attempts.jsonl"
    whole = len(read_run(tmp_path).attempts)
    path.write_bytes(path.read_bytes()[:-20])
    assert len(read_run(tmp_path).attempts) == whole - 1


def test_a_broken_row_is_named_by_file_and_line(tmp_path: Path) -> None:
    write_sample_run(tmp_path, sample_summary())
    (tmp_path / "metrics.jsonl").write_text('{"iteration": 1}\nnot json\n')
    with pytest.raises(InvalidInput, match=r"metrics\.jsonl, line 2"):
        write_report(tmp_path)


def test_a_directory_without_a_run_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="proofmill demo"):
        write_report(tmp_path)
