"""Generated theorems: distinct, split so that nothing leaks, the same for the same seed, and true."""

import random
import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.evaluation.baselines import FAMILY_TACTICS, greedy_portfolio
from prover.families import (
    DIFFICULTIES,
    FAMILIES,
    FUNCTIONS,
    HEADER,
    Dataset,
    Family,
    Role,
    build_dataset,
    generate,
    sampling,
    supervised_pairs,
)
from prover.families.base import FUNCTION_NAMES, HYPOTHESES, LISTS, PREDICATES, VARIABLES
from prover.syntax.normalise import normalise
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Submission

NAMES = st.from_regex(r"[a-z][a-z0-9_']{0,3}", fullmatch=True).filter(lambda name: name != "fun")
RESERVED = {"p", "Nat", "theorem", "total"}


def normal_forms(theorems: tuple[Theorem, ...] | list[Theorem]) -> set[str]:
    return {normalise(theorem.statement) for theorem in theorems}


# normalise


@given(st.lists(NAMES.filter(lambda name: name not in RESERVED), min_size=5, max_size=5, unique=True))
def test_renaming_bound_variables_is_a_duplicate(names: list[str]) -> None:
    def statement(a: str, b: str, h: str, x: str, y: str) -> str:
        return (
            f"theorem t ({a} {b} : Nat) (p : Nat → Prop) ({h} : ∀ {x}, p {x} → ∃ {y} : Nat, {y} = {x}) : "
            f"(∃ {y} > {b}, p {y}) ∧ (fun {x} => {x} + {a}) 1 = {b}"
        )

    assert normalise(statement(*names)) == normalise(statement("a", "b", "h", "x", "y"))


@given(NAMES, NAMES, st.sampled_from([" ", "\n  ", "\t", " -- why\n", " /- why -/ "]))
def test_whitespace_comments_and_the_theorem_s_name_do_not_count(one: str, other: str, space: str) -> None:
    text = "(n : Nat) : ∃ k, n + 1 = k"
    assert normalise(f"theorem {one} {text}") == normalise(f"theorem  {other}\n{text.replace(' ', space)}")


@given(st.integers(0, 10**6), st.sampled_from(FAMILIES), st.sampled_from(DIFFICULTIES))
def test_normalising_twice_changes_nothing(seed: int, family: Family, difficulty: int) -> None:
    once = normalise(family.make(random.Random(seed), difficulty).statement)
    assert normalise(once) == once


@given(st.text(max_size=60))
def test_text_that_is_no_statement_raises_nothing(text: str) -> None:
    normalise(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("theorem t (a b : Nat) : a ≤ b", "theorem t (a b : Nat) : b ≤ a"),
        ("theorem t (a : Nat) : a ≤ 2", "theorem t (a : Nat) : a ≤ 3"),
        ("theorem t (a : Nat) : ∃ b, a = b", "theorem t (a : Nat) : ∃ b, b = a"),
        ("theorem t (p : Nat → Prop) : ∀ x, p x", "theorem t (p : Nat → Prop) : ∃ x, p x"),
        ("theorem t (f : Nat → Nat) : f 1 = total []", "theorem t (f : Nat → Nat) : f 1 = size []"),
        ("theorem t (p : Nat × Nat) : p.1 = 2", "theorem t (p : Nat × Nat) : p.2 = 2"),
    ],
)
def test_what_differs_in_more_than_names_stays_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_an_inner_binder_hides_an_outer_one_of_the_same_name() -> None:
    hiding = "theorem t (x : Nat) (h : ∀ x, x = x) : x = x"
    assert normalise(hiding) == normalise("theorem t (y : Nat) (h : ∀ x, x = x) : y = y")
    assert normalise(hiding) != normalise("theorem t (y : Nat) (h : ∀ x, x = x) (x : Nat) : y = x")


def test_a_field_follows_the_variable_it_belongs_to() -> None:
    assert normalise("theorem t (p : Nat × Nat) : p.1 = 2") == normalise(
        "theorem t (q : Nat × Nat) : q.1 = 2"
    )


# the table of families


def test_there_are_four_whole_families_held_out_and_enough_others() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names) >= 24
    assert sum(family.role is Role.HELD_OUT for family in FAMILIES) == 4
    assert {family.role for family in FAMILIES} == set(Role)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_family_is_described_short_and_harder_with_difficulty(family: Family) -> None:
    assert family.description.endswith(".")
    sizes = []
    for difficulty in DIFFICULTIES:
        made = [family.make(random.Random(seed), difficulty) for seed in range(400)]
        assert all(each.proof.startswith("by\n  ") for each in made)
        assert all(len(each.statement) <= 130 and len(each.proof) <= 140 for each in made)
        sizes.append(sum(len(each.statement) + len(each.proof) for each in made))
    assert sizes[-1] > sizes[0]


def test_name_pools_are_disjoint_and_no_function_of_the_header_is_among_them() -> None:
    pools = [set(pool) for pool in (VARIABLES, HYPOTHESES, FUNCTION_NAMES, PREDICATES, LISTS, FUNCTIONS)]
    assert not any(one & other for one, other in combinations(pools, 2))
    assert re.findall(r"^def (\w+)", HEADER, re.MULTILINE) == list(FUNCTIONS)


async def test_real_lean_accepts_the_reference_proof_of_every_family_at_every_difficulty(
    pool: LeanPool,
) -> None:
    pairs = generate(11, len(FAMILIES) * len(DIFFICULTIES))
    assert len({(theorem.family, theorem.difficulty) for theorem, _ in pairs}) == len(pairs)
    submissions = [
        Submission(id=theorem.name, statement=theorem.statement, header=theorem.header, proof=proof)
        for theorem, proof in pairs
    ]
    verdicts = [verdict async for verdict in pool.verify_many(submissions)]
    assert len(verdicts) == len(submissions)
    assert [f"{each.id}: {each.reason}" for each in verdicts if each.status is not Status.PROVED] == []


# data sets


def test_one_seed_gives_ten_thousand_distinct_statements() -> None:
    theorems = [theorem for theorem, _ in generate(7, 10_000)]
    assert len(normal_forms(theorems)) == 10_000
    assert len({theorem.name for theorem in theorems}) == 10_000
    assert {theorem.family for theorem in theorems} == {family.name for family in FAMILIES}
    assert {theorem.difficulty for theorem in theorems} == set(DIFFICULTIES)


def test_splits_share_no_statement_and_no_held_out_family() -> None:
    data = build_dataset(3, train=2000, held_out=400, held_out_family=100)
    splits = (data.train, data.held_out, data.held_out_family)
    assert [len(split) for split in splits] == [2000, 400, 100]
    forms = [normal_forms(split) for split in splits]
    assert [len(form) for form in forms] == [2000, 400, 100]
    assert not any(one & other for one, other in combinations(forms, 2))
    trained, held_out, whole = ({theorem.family for theorem in split} for split in splits)
    assert trained == held_out
    assert not trained & whole
    assert len(whole) == 4


def test_no_seed_trains_on_a_statement_that_another_seed_holds_out() -> None:
    one = build_dataset(1, train=2000, held_out=1, held_out_family=1)
    other = build_dataset(2, train=1, held_out=500, held_out_family=1)
    assert not normal_forms(one.train) & normal_forms(other.held_out)


def test_supervised_pairs_are_easy_and_apart_from_everything_held_out() -> None:
    pairs = supervised_pairs(3, 1200)
    theorems = [theorem for theorem, _ in pairs]
    assert len(normal_forms(theorems)) == 1200
    assert {theorem.difficulty for theorem in theorems} == {1, 2}
    roles = {family.name: family.role for family in FAMILIES}
    assert {roles[theorem.family] for theorem in theorems} == {Role.SUPERVISED}
    data = build_dataset(3, train=100, held_out=500, held_out_family=100)
    assert not normal_forms(theorems) & normal_forms([*data.held_out, *data.held_out_family])
    assert not {theorem.name for theorem in theorems} & {theorem.name for theorem in data.train}


def test_the_same_seed_gives_the_same_data_and_another_seed_other_data() -> None:
    def both(seed: int) -> tuple[Dataset, list[tuple[Theorem, str]]]:
        return build_dataset(seed, train=200, held_out=50, held_out_family=20), supervised_pairs(seed, 100)

    assert both(5) == both(5)
    assert normal_forms(both(5)[0].train) != normal_forms(both(6)[0].train)


def test_the_data_of_a_seed_is_pinned() -> None:
    (theorem,) = build_dataset(0, train=1, held_out=0, held_out_family=0).train
    assert theorem.name == "nat_linear_t00000"
    assert theorem.statement.startswith("theorem nat_linear_t00000 (")


def test_no_two_theorems_of_a_data_set_share_a_name() -> None:
    data = build_dataset(0, train=500, held_out=300, held_out_family=60)
    names = [theorem.name for theorem in (*data.train, *data.held_out, *data.held_out_family)]
    assert len(set(names)) == len(names)


def test_a_data_set_is_no_harder_than_asked() -> None:
    data = build_dataset(0, train=200, held_out=100, held_out_family=20, max_difficulty=2)
    theorems = (*data.train, *data.held_out, *data.held_out_family)
    assert {theorem.difficulty for theorem in theorems} == {1, 2}


def test_asking_for_more_than_there_is_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    few = tuple(family for family in FAMILIES if family.name == "bool_function")
    monkeypatch.setattr(sampling, "FAMILIES", few)
    with pytest.raises(InvalidInput, match=r"give \d+ distinct theorems here, not 100000"):
        generate(0, 100_000)


# the portfolio


def test_no_candidate_of_the_portfolio_names_a_variable_of_a_statement() -> None:
    drawn = {*VARIABLES, *HYPOTHESES, *FUNCTION_NAMES, *PREDICATES, *LISTS}
    for tactic in FAMILY_TACTICS:
        introduced = set(re.findall(r"intro (\w+)", tactic))
        assert not drawn & set(re.findall(r"[\w']+", tactic)) - introduced, tactic
    assert len(set(FAMILY_TACTICS)) == len(FAMILY_TACTICS)


def test_portfolio_takes_what_adds_most_and_stops_when_nothing_adds() -> None:
    solved = {
        "grind": {"a", "b", "c"},
        "simp": {"a", "b"},
        "omega": {"c", "d"},
        "rfl": {"e"},
        "decide": set[str](),
    }
    assert greedy_portfolio(solved, 2) == ["grind", "omega"]
    assert greedy_portfolio(solved, 8) == ["grind", "omega", "rfl"]
    assert greedy_portfolio({}, 8) == []


@given(st.dictionaries(st.text(max_size=3), st.sets(st.integers(0, 8).map(str))), st.integers(1, 8))
def test_a_longer_portfolio_extends_a_shorter_one(solved: dict[str, set[str]], k: int) -> None:
    assert greedy_portfolio(solved, k + 1)[:k] == greedy_portfolio(solved, k)
