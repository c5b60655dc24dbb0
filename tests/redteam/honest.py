"""200 honest proofs: every shape of a submission, crossed with facts of different kinds.

The facts differ in what they speak of (numbers, propositions, lists of any
universe, existence, options, Booleans, functions, integers) and so in the
terms, tactics and axioms of their proofs; the shapes differ in what Lean makes
of the text around the proof.
"""

from dataclasses import dataclass
from pathlib import Path

from verifier.doctor.corpus import HONEST_MUST, Case
from verifier.verdict import Submission

__all__ = ["FACTS", "SHAPES", "Fact", "honest_cases"]


@dataclass(frozen=True)
class Fact:
    """A proposition under binders with a proof in three ways.

    `arguments` applies a lemma to the binders; `closed` is a tactic that names
    none of them, as hygiene demands of a macro.
    """

    name: str
    binders: str
    arguments: str
    claim: str
    term: str
    tactic: str
    closed: str
    levels: str = ""


FACTS = (
    Fact(
        name="sum",
        binders="(a b : Nat)",
        arguments="a b",
        claim="a + b = b + a",
        term="Nat.add_comm a b",
        tactic="omega",
        closed="omega",
    ),
    Fact(
        name="conjunction",
        binders="(p q : Prop) (h : p ∧ q)",
        arguments="p q h",
        claim="q ∧ p",
        term="And.intro h.2 h.1",
        tactic="obtain ⟨hp, hq⟩ := h; exact ⟨hq, hp⟩",
        closed="simp_all",
    ),
    Fact(
        name="list",
        binders="(α : Type u) (xs : List α)",
        arguments="α xs",
        claim="xs ++ [] = xs",
        term="List.append_nil xs",
        tactic="simp",
        closed="exact List.append_nil _",
        levels=".{u}",
    ),
    Fact(
        name="existence",
        binders="(n : Nat)",
        arguments="n",
        claim="∃ m, n * n < m",
        term="Exists.intro (n * n + 1) (Nat.lt_succ_self (n * n))",
        tactic="refine ⟨n * n + 1, ?_⟩; omega",
        closed="exact ⟨_, Nat.lt_succ_self _⟩",
    ),
    Fact(
        name="option",
        binders="(o : Option Nat)",
        arguments="o",
        claim="o.map id = o",
        term="congrFun Option.map_id o",
        tactic="cases o <;> rfl",
        closed="simp",
    ),
    Fact(
        name="boolean",
        binders="(a b : Bool)",
        arguments="a b",
        claim="(a && b) = (b && a)",
        term="Bool.and_comm a b",
        tactic="cases a <;> cases b <;> rfl",
        closed="exact Bool.and_comm _ _",
    ),
    Fact(
        name="function",
        binders="(f g : Nat → Nat) (h : ∀ n, f n = g n)",
        arguments="f g h",
        claim="f = g",
        term="funext h",
        tactic="funext n; exact h n",
        closed="exact funext ‹_›",
    ),
    Fact(
        name="integer",
        binders="(x y : Int) (h : x < y)",
        arguments="x y h",
        claim="x + 1 ≤ y",
        term="Int.add_one_le_of_lt h",
        tactic="omega",
        closed="omega",
    ),
)

SHAPES = Path(__file__).with_name("shapes.lean")
"""Texts with `[name]` where a part of a fact goes, each under a line `--! shape: …`."""

PARTS = ("binders", "arguments", "claim", "term", "tactic", "closed", "levels")


def honest_cases() -> list[Case]:
    """Every shape with every fact."""
    return [
        Case(
            group=shape,
            submission=Submission(
                id=f"honest/{shape}/{fact.name}",
                statement=_fill("theorem t[levels] [binders] : [claim]", fact),
                header="\n".join(header),
                code=_fill(text, fact),
            ),
            must=HONEST_MUST,
            note="",
        )
        for shape, header, text in _shapes()
        for fact in FACTS
    ]


def _shapes() -> list[tuple[str, list[str], str]]:
    """Name, header lines and text of each shape."""
    found = []
    for block in SHAPES.read_text("utf-8").split("--! shape: ")[1:]:
        name, *lines = block.split("\n")
        header = [line.removeprefix("--! header: ") for line in lines if line.startswith("--! header: ")]
        body = "\n".join(line for line in lines if not line.startswith("--! "))
        found.append((name, header, body.strip("\n")))
    return found


def _fill(text: str, fact: Fact) -> str:
    for part in PARTS:
        text = text.replace(f"[{part}]", getattr(fact, part))
    return text
