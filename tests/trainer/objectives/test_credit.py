"""Per-tactic credit: whom a real Lean's errors are blamed on, and what the schemes may and may not pay."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE, WordLevel
from transformers import PreTrainedTokenizerFast

from tests.support.credit_cases import CASES
from tests.support.credit_tokens import TOKENS
from tests.support.toys import rollout_of
from trainer.model.tokenizer import train_tokenizer
from trainer.objectives.advantages import group_advantages
from trainer.objectives.credit import (
    CreditConfig,
    first_error_credit,
    group_token_advantages,
    lecture_credit,
    owned_tokens,
    potential_credit,
    token_advantages,
    verified_prefix_credit,
)
from trainer.objectives.tactic_spans import Span, first_error_of, steps_of
from trainer.objectives.token_bytes import bytes_of_tokens, token_spans
from trainer.rollout import Rollout
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.verdict import Kind, Message, Severity, Status, Submission, Tactic, Verdict

Scheme = Literal["outcome", "first_error", "potential", "verified_prefix", "lecture"]
SCHEMES: list[Scheme] = ["outcome", "first_error", "potential", "verified_prefix", "lecture"]

TOKENIZER = train_tokenizer(["by\n  exact ⟨h₀, ∀ x, x = ℝ₀⟩ 😀", "by\n  omega", "by\n  rw [h]"] * 3, 300)

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("⟨∀ℝ₀😀 \n"))
rates = st.floats(0, 1)
places = st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.none() | st.integers(0, n - 1)))
"""A number of tactics, and the index of the first error among them."""


def verdict(
    text: str, tactics: list[str], error: str | None = None, status: Status = Status.REJECTED
) -> Verdict:
    """What Lean would say of `text`, in which each of `tactics` and `error` stands once."""
    spans = [(text.index(each), text.index(each) + len(each)) for each in tactics]
    messages = []
    if error is not None:
        place = text.index(error)
        messages = [Message(severity=Severity.ERROR, line=1, column=0, start=place, text="it is wrong")]
    return Verdict(
        id="x",
        status=Status.PROVED if error is None and status is Status.REJECTED else status,
        reason="",
        messages=tuple(messages),
        tactics=tuple(Tactic(start=a, stop=b, goals_before="", goals_after="") for a, b in spans),
    )


def characters(text: str) -> list[bytes]:
    """A token for each character, and the eos token."""
    return [*(each.encode() for each in text), b""]


class Spelled(NamedTuple):
    """A rollout with the bytes of its tokens."""

    rollout: Rollout
    token_bytes: list[bytes]


def spell(text: str, token_bytes: list[bytes], verdict: Verdict) -> Spelled:
    return Spelled(rollout_of(text, verdict), token_bytes)


def of_group(
    config: CreditConfig, group: Sequence[Spelled], advantages: list[float | None]
) -> list[list[float] | None]:
    rollouts, token_bytes = [each.rollout for each in group], [each.token_bytes for each in group]
    return group_token_advantages(config, rollouts, token_bytes, advantages)


TEXT = "by\n  constructor\n  · exact hp\n  · simp"
TACTICS = ["constructor", "exact hp", "simp"]
PROVED = spell(TEXT, characters(TEXT), verdict(TEXT, TACTICS))
REFUTED = spell(TEXT, characters(TEXT), verdict(TEXT, TACTICS, error="hp"))
UNKNOWN = spell(TEXT, characters(TEXT), verdict(TEXT, TACTICS, status=Status.TIMEOUT))
GROUP = [PROVED, REFUTED, UNKNOWN, PROVED]


def advantages_of(group: list[Spelled]) -> list[float | None]:
    return group_advantages([each.rollout.reward for each in group])


def credited(config: CreditConfig, judged: Spelled, advantage: float = 0.0) -> dict[str, float]:
    """What stands on the tokens at which tactics begin or that got something, by their place in the text."""
    tokens = token_advantages(config, *judged, advantage, mean=0.5, solve_rate=0.25)
    assert tokens is not None
    return {
        judged.rollout.attempt.proof[i:][:6]: value for i, value in enumerate(tokens) if value != advantage
    }


async def test_steps_blame_and_tokens_are_those_written_down_by_hand(pool: LeanPool) -> None:
    verdicts = await asyncio.gather(
        *(
            pool.verify(
                Submission(id=each.name, statement=each.statement, proof=each.proof),
                Options(tactics=True, goals=False),
            )
            for each in CASES
        )
    )
    tokenizer = train_tokenizer([case.proof for case in CASES], 420)
    wrong = {}
    for case, judged in zip(CASES, verdicts, strict=True):
        steps = steps_of(case.proof, judged)
        found = [(step.start, step.stop, step.fault is not None) for step in steps]
        first = next((k for k, (_, _, blamed) in enumerate(case.steps) if blamed), None)
        ids = tokenizer(case.proof, add_special_tokens=False).input_ids
        spans = token_spans(bytes_of_tokens(tokenizer, ids))
        owned = [owned_tokens(spans, step) for step in steps]
        tokens = [(each.start, "|".join(case.proof[slice(*spans[i])] for i in each)) for each in owned]
        if (
            (found, first_error_of(steps), tokens) != (case.steps, first, TOKENS[case.name])
            or any(
                case.proof[a.start : a.head] not in _text(case.proof, spans, b)
                for a, b in zip(steps, owned, strict=True)
            )
            or judged.kind is Kind.UNKNOWN
        ):
            steps_found = [(case.proof[a:b], blamed) for a, b, blamed in found]
            wrong[case.name] = steps_found, tokens, judged.reason
    assert wrong == {}
    assert len(CASES) == len(TOKENS) >= 40


def _text(text: str, spans: Sequence[Span], tokens: range) -> str:
    return text[spans[tokens[0]][0] : spans[tokens[-1]][1]]


async def test_credit_lands_on_the_tokens_of_the_blamed_tactic(pool: LeanPool) -> None:
    statement = "theorem t (ℝ₀ x₁ : Nat) (h₀ : ∀ n : Nat, n = ℝ₀) : x₁ = ℝ₀ ∧ True"
    proof = "by\n  -- ⟨∀ℝ₀⟩ 😀\n  refine ⟨?_, trivial⟩\n  exact h₀ ℝ₀"
    said = await pool.verify(
        Submission(id="x", statement=statement, proof=proof), Options(tactics=True, goals=False)
    )
    ids = TOKENIZER(proof, add_special_tokens=False).input_ids
    judged = spell(proof, bytes_of_tokens(TOKENIZER, ids), said)
    tokens = token_advantages(CreditConfig(scheme="lecture"), *judged, 0.0, mean=0.0, solve_rate=0.5)
    assert tokens is not None
    spans = token_spans(judged.token_bytes)
    assert {proof[spans[i][0] :][:6].strip()[:4]: v for i, v in enumerate(tokens) if v} == {
        "refi": 1.0,
        "exac": -1.0,
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_weight_zero_is_exactly_the_outcome(scheme: Scheme) -> None:
    advantages = advantages_of(GROUP)
    plain = [None if a is None else [a] * len(TEXT) + [a] for a in advantages]
    assert of_group(CreditConfig(scheme=scheme, weight=0), GROUP, advantages) == plain
    assert of_group(CreditConfig(), GROUP, advantages) == plain


@pytest.mark.parametrize("scheme", SCHEMES)
def test_unknown_verdicts_get_none_and_leave_the_others_as_if_they_were_absent(scheme: Scheme) -> None:
    config = CreditConfig(scheme=scheme)
    found = of_group(config, GROUP, advantages_of(GROUP))
    assert [each is None for each in found] == [False, False, True, False]
    known = [PROVED, REFUTED, PROVED]
    assert [each for each in found if each] == of_group(config, known, advantages_of(known))
    assert token_advantages(config, *UNKNOWN, 1.0, mean=0.5, solve_rate=0.5) is None
    assert of_group(config, [UNKNOWN], [None]) == [None]


@pytest.mark.parametrize("scheme", SCHEMES)
@given(st.lists(st.sampled_from([PROVED, REFUTED, UNKNOWN, UNKNOWN]), min_size=1, max_size=12))
def test_any_number_of_unknown_verdicts_anywhere_changes_no_other(
    scheme: Scheme, group: list[Spelled]
) -> None:
    config = CreditConfig(scheme=scheme)
    known = [each for each in group if each is not UNKNOWN]
    found = of_group(config, group, advantages_of(group))
    assert [each for each in found if each is not None] == of_group(config, known, advantages_of(known))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_prepended_shifts_spans_and_changes_no_credit(scheme: Scheme) -> None:
    config = CreditConfig(scheme=scheme)
    comment = "-- ⟨∀ℝ₀⟩ 😀\n"
    shifted = spell(comment + TEXT, characters(comment + TEXT), verdict(comment + TEXT, TACTICS, error="hp"))
    assert credited(config, shifted, -0.5).items() >= credited(config, REFUTED, -0.5).items()


def test_shifting_outcomes_and_phi_together_changes_nothing() -> None:
    shifted = CreditConfig(scheme="first_error", proved=3.0, before_error=1.95, from_error=1.9)
    plain = CreditConfig(scheme="first_error")
    for proved, first in ((True, None), (False, 1)):
        assert first_error_credit(3, first, proved, 2.5, shifted) == pytest.approx(
            first_error_credit(3, first, proved, 0.5, plain)
        )


def test_first_error_credit_is_phi_less_the_mean() -> None:
    config = CreditConfig(scheme="first_error")
    assert first_error_credit(2, None, True, 0.25, config) == [0.75, 0.75]
    assert first_error_credit(3, 1, False, 0.0, config) == [-0.05, -0.10, -0.10]
    assert first_error_credit(2, None, False, 0.0, config) == [-0.05, -0.05]


@given(places, rates, st.booleans())
def test_potential_credit_sums_to_the_outcome_less_the_solve_rate(
    place: tuple[int, int | None], rate: float, proved: bool
) -> None:
    count, first = place
    values = potential_credit(count, None if proved else first, proved, rate)
    assert len(values) == count
    assert sum(values) == pytest.approx(float(proved) - rate, abs=1e-12)


@given(
    st.lists(st.sampled_from(["skip", "try rfl", "all_goals skip", "have _ := 1"]), max_size=8),
    rates,
    st.booleans(),
    st.sampled_from(["first_token", "last_token"]),
    st.integers(1, 9),
)
def test_harmless_extra_tactics_earn_nothing_in_total(
    extra: list[str],
    rate: float,
    proved: bool,
    placement: Literal["first_token", "last_token"],
    size: int,
) -> None:
    """However many there are, nested or not, and however tokens are cut: several may begin in one token."""
    body = "".join(f"  {each}\n" for each in extra) + "  have h : p := by\n    exact hp\n  exact h"
    text = f"by\n{body}"
    nested = [
        (text.index("have h"), text.index("hp\n") + 2),
        (text.index("exact hp"), text.index("hp\n") + 2),
    ]
    spans, place = [], 3
    for each in extra:
        spans.append((place + 2, place + 2 + len(each)))
        place += len(each) + 3
    spans += [*nested, (text.rindex("exact h"), len(text))]
    said = verdict(text, [], error=None if proved else "exact hp").model_copy(
        update={"tactics": tuple(Tactic(start=a, stop=b, goals_before="", goals_after="") for a, b in spans)}
    )
    judged = spell(text, [*(text[i : i + size].encode() for i in range(0, len(text), size)), b""], said)
    config = CreditConfig(scheme="potential", placement=placement)
    tokens = token_advantages(config, *judged, 0.5, mean=0.5, solve_rate=rate)
    assert tokens is not None
    assert sum(each - 0.5 for each in tokens) == pytest.approx(float(proved) - rate, abs=1e-9)


def test_potential_credit_rises_to_the_first_error_and_falls_there() -> None:
    before, at, after = potential_credit(3, 1, False, 0.125)
    assert (before, at, after) == pytest.approx((0.25 - 0.125, -0.25, 0.0))
    assert potential_credit(0, None, True, 0.5) == []
    with pytest.raises(InvalidInput, match="probability"):
        potential_credit(1, None, True, 1.5)


@given(places, st.floats(-3, 3), st.booleans())
def test_the_verified_prefix_is_taken_off_a_refuted_attempt(
    place: tuple[int, int | None], advantage: float, proved: bool
) -> None:
    count, first = place
    kept = 0 if proved or first is None else first
    total = [advantage + each for each in verified_prefix_credit(count, first, proved, advantage)]
    assert total == [0.0] * kept + [advantage] * (count - kept)


def test_each_scheme_puts_its_credit_on_first_tokens() -> None:
    def of(scheme: Scheme, judged: Spelled) -> dict[str, float]:
        return credited(CreditConfig(scheme=scheme, weight=0.5), judged)

    assert of("first_error", PROVED) == pytest.approx({"constr": 0.25, "exact ": 0.25, "simp": 0.25})
    assert of("first_error", REFUTED) == pytest.approx({"constr": -0.275, "exact ": -0.3, "simp": -0.3})
    assert of("lecture", REFUTED) == {"constr": 0.5, "exact ": -0.5, "simp": 0.5}
    root = 0.25 ** (2 / 3)
    assert of("potential", REFUTED) == pytest.approx({"constr": (root - 0.25) / 2, "exact ": -root / 2})
    prefix = token_advantages(
        CreditConfig(scheme="verified_prefix"), *REFUTED, -1.0, mean=0.5, solve_rate=0.5
    )
    good = TEXT.index("exact")
    assert prefix == [0.0] * good + [-1.0] * (len(TEXT) + 1 - good)


@pytest.mark.parametrize(
    ("placement", "owners"),
    [
        ("first_token", ["h", "e"]),
        ("last_token", ["y", "p"]),
        ("all_tokens", list("have h : p := byexact hp")),
    ],
)
def test_a_structured_tactic_owns_the_tokens_before_the_first_tactic_inside_it(
    placement: Literal["first_token", "all_tokens", "last_token"], owners: list[str]
) -> None:
    text = "by\n  have h : p := by\n    exact hp"
    judged = spell(text, characters(text), verdict(text, [text[5:], "exact hp"]))
    config = CreditConfig(scheme="lecture", placement=placement)
    tokens = token_advantages(config, *judged, 0.0, mean=0.0, solve_rate=0.5)
    assert tokens is not None
    assert [text[i] for i, value in enumerate(tokens) if value == 1.0] == owners
    assert sum(tokens) == len(owners)


def test_a_tactic_without_fault_that_holds_a_sorry_earns_nothing() -> None:
    text = "by\n  have h : p := by sorry\n  exact h -- sorry"
    steps = steps_of(text, verdict(text, [text[5:27], "sorry", "exact h"], status=Status.INCOMPLETE))
    assert [step.fault for step in steps] == [None, "sorry", None]
    assert lecture_credit(steps) == [0.0, 0.0, 1.0]


def test_complaints_about_the_statement_blame_no_tactic() -> None:
    said = verdict("by simp", ["simp"]).model_copy(
        update={
            "status": Status.REJECTED,
            "messages": (Message(severity=Severity.ERROR, line=1, column=0, start=-20, text="no"),),
        }
    )
    steps = steps_of("by simp", said)
    assert [(step.fault, step.sound) for step in steps] == [(None, True)]
    assert potential_credit(1, first_error_of(steps), False, 0.5) == [-0.5]


def test_an_error_at_the_end_of_the_text_belongs_to_the_token_that_ended_it() -> None:
    text = "by simp ("
    said = verdict(text, ["simp"], error="(")
    cut = said.messages[0].model_copy(update={"start": len(text)})
    judged = spell(text, characters(text), said.model_copy(update={"messages": (cut,)}))
    tokens = token_advantages(CreditConfig(scheme="lecture"), *judged, 0.0, mean=0.0, solve_rate=0.5)
    assert tokens is not None and tokens[-1] == -1.0
    unfinished = spell(text, judged.token_bytes[:-1], judged.rollout.verdict)
    tokens = token_advantages(CreditConfig(scheme="lecture"), *unfinished, 0.0, mean=0.0, solve_rate=0.5)
    assert tokens is not None and tokens[-1] == -1.0


def test_the_owner_of_a_cut_character_is_the_first_token_that_has_a_part_of_it() -> None:
    assert token_spans([b"a\xe2", b"\x9f", b"\xa8", b"b", b""]) == [(0, 2), (1, 2), (1, 2), (2, 3), (3, 3)]
    text = "⟨simp"
    pieces = [b"\xe2", b"\x9f", b"\xa8simp"]
    judged = spell(text, pieces, verdict(text, [], error="⟨"))
    assert token_advantages(CreditConfig(scheme="lecture"), *judged, 0.0, mean=0.0, solve_rate=0.5) == [
        -1.0,
        0.0,
        0.0,
    ]


@given(texts, st.lists(st.integers(0, 200)))
def test_any_cut_of_the_bytes_of_a_text_gives_spans_of_its_characters(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    owners = [i for i, character in enumerate(text) for _ in character.encode()]
    expected = [(owners[a], owners[b - 1] + 1) for a, b in pairwise(edges)]
    assert token_spans(pieces) == expected


@given(st.lists(st.binary(max_size=4)))
def test_spans_of_bytes_that_are_no_text_are_those_of_the_decoded_text(pieces: list[bytes]) -> None:
    text = b"".join(pieces).decode(errors="replace")
    covered = {i for start, stop in token_spans(pieces) for i in range(start, stop)}
    assert covered == set(range(len(text)))


@given(texts)
def test_tokens_of_any_text_spell_it(text: str) -> None:
    ids = TOKENIZER(text).input_ids
    pieces = bytes_of_tokens(TOKENIZER, ids)
    assert pieces[0] == b"" and b"".join(pieces).decode() == text
    spans = token_spans(pieces)
    assert all(piece in text[a:b].encode() for piece, (a, b) in zip(pieces, spans, strict=True))


@given(st.lists(st.integers(0, len(TOKENIZER) - 1)))
def test_tokens_that_spell_no_text_still_have_exact_bytes(ids: list[int]) -> None:
    decoded = TOKENIZER.decode(ids, skip_special_tokens=True)
    assert b"".join(bytes_of_tokens(TOKENIZER, ids)).decode(errors="replace") == decoded


def with_byte_fallback() -> PreTrainedTokenizerFast:
    names = ["<s>", "▁exact", "▁h", "₀", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = Tokenizer(BPE({name: i for i, name in enumerate(names)}, [], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>")


FALLBACK = with_byte_fallback()


def test_byte_fallback_tokens_have_exact_bytes() -> None:
    names = ["<s>", "▁exact", "▁h", "₀", "▁h", "<0xE2>", "<0x9F>", "<0xA8>"]
    ids: Any = FALLBACK.convert_tokens_to_ids(names)
    assert bytes_of_tokens(FALLBACK, ids) == [
        b"", b"exact", b" h", "₀".encode(), b" h", b"\xe2", b"\x9f", b"\xa8",
    ]  # fmt: skip


@given(st.lists(st.integers(0, len(FALLBACK) - 1)))
def test_byte_fallback_tokens_in_any_order_spell_what_is_decoded(ids: list[int]) -> None:
    decoded = FALLBACK.decode(ids, skip_special_tokens=True)
    assert b"".join(bytes_of_tokens(FALLBACK, ids)).decode() == decoded


def test_a_tokenizer_whose_bytes_are_not_known_is_refused() -> None:
    words = Tokenizer(WordLevel({"by": 0, "simp": 1}, unk_token="by"))
    plain = PreTrainedTokenizerFast(tokenizer_object=words)
    with pytest.raises(InvalidInput, match="not known exactly"):
        bytes_of_tokens(plain, [0, 1])


def test_tokens_of_another_text_and_proofs_without_tactics_are_refused() -> None:
    config = CreditConfig(scheme="lecture")
    with pytest.raises(InvalidInput, match="do not spell"):
        token_advantages(
            config, *spell("by rfl", [b"by"], PROVED.rollout.verdict), 0.0, mean=0.5, solve_rate=0.5
        )
    blind = PROVED.rollout.verdict.model_copy(update={"tactics": None})
    with pytest.raises(InvalidInput, match="tactics=True"):
        token_advantages(config, *spell(TEXT, PROVED.token_bytes, blind), 0.0, mean=0.5, solve_rate=0.5)


def test_settings_that_break_what_a_scheme_promises_are_refused() -> None:
    with pytest.raises(ValidationError, match="padding"):
        CreditConfig(scheme="potential", placement="all_tokens")
    with pytest.raises(ValidationError, match="at most 1"):
        CreditConfig(scheme="verified_prefix", weight=2)
    with pytest.raises(ValidationError):
        CreditConfig(weight=-1)
