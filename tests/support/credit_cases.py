"""Proofs in which the steps are marked: what Lean's verdict must be cut into, and whom errors are blamed on.

`⟦…⟧` is a step, `⟦!…⟧` one that is blamed; the first of these is the first error.
Core Lean alone, so the embedded one judges them.
"""

from dataclasses import dataclass

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    name: str
    statement: str
    marked: str

    @property
    def proof(self) -> str:
        return self.marked.replace("⟦!", "").replace("⟦", "").replace("⟧", "")

    @property
    def steps(self) -> list[tuple[int, int, bool]]:
        """Start, stop and whether it is blamed, in reading order."""
        steps: list[tuple[int, int, bool]] = []
        opened: list[tuple[int, bool]] = []
        position = 0
        for previous, mark in zip(" " + self.marked, self.marked, strict=False):
            if mark == "⟦":
                opened.append((position, False))
            elif mark == "!" and previous == "⟦":
                opened[-1] = (position, True)
            elif mark == "⟧":
                start, blamed = opened.pop()
                steps.append((start, position, blamed))
            else:
                position += 1
        return sorted(steps)


AND = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q"
COMM = "theorem t (a b : Nat) : a + b = b + a"
CHAIN = "theorem t (a b c : Nat) (h : a = b) (g : b = c) : a = c"
ZERO = "theorem t (n : Nat) : 0 + n = n"
SWAP = "theorem t (p q : Prop) (h : p ∧ q) : q ∧ p"

CASES = [
    Case("bullets", AND, "by\n  ⟦constructor⟧\n  · ⟦exact hp⟧\n  · ⟦exact hq⟧"),
    Case("an error in a bullet", AND, "by\n  ⟦constructor⟧\n  · ⟦!exact hq⟧\n  · ⟦exact hq⟧"),
    Case(
        "a bullet with an open goal",
        "theorem t (p q r: Prop) (hp : p) (hq : q) (hr : r) : p ∧ q ∧ r",
        "by\n  ⟦constructor⟧\n  · ⟦exact hp⟧\n  · ⟦constructor⟧\n    · ⟦!skip⟧\n    · ⟦exact hr⟧",
    ),
    Case("a missing bullet", AND, "by\n  ⟦constructor⟧\n  · ⟦!exact hp⟧"),
    Case("a bullet too many", AND, "by\n  ⟦constructor⟧\n  · ⟦exact hp⟧\n  · ⟦exact hq⟧\n  ⟦!·⟧ exact hq"),
    Case(
        "a missing inner bullet",
        "theorem t (p q r: Prop) (hp : p) (hq : q) (hr : r) : p ∧ q ∧ r",
        "by\n  ⟦constructor⟧\n  · ⟦exact hp⟧\n  · ⟦constructor⟧\n    · ⟦!exact hq⟧",
    ),
    Case("open goals at the end", AND, "by\n  ⟦constructor⟧\n  ⟦!exact hp⟧"),
    Case("open goals after <;>", AND, "by\n  ⟦!constructor <;> ⟦skip⟧⟧"),
    Case(
        "open goals in a have",
        AND,
        "by\n  ⟦have h : p ∧ q := by\n    ⟦constructor⟧\n    ⟦!exact hp⟧⟧\n  ⟦exact h⟧",
    ),
    Case(
        "an error in a have in a have",
        AND,
        "by\n  ⟦have h : q := by\n    ⟦have g : p := by\n"
        "      ⟦!exact hq⟧⟧\n    ⟦exact hq⟧⟧\n  ⟦exact ⟨hp, h⟩⟧",
    ),
    Case(
        "a have that leaves the goal",
        AND,
        "by\n  ⟦constructor⟧\n  · ⟦exact hp⟧\n  ⟦!have h : p := by\n    ⟦exact hp⟧⟧",
    ),
    Case(
        "errors in two haves",
        AND,
        "by\n  ⟦have h : p := by ⟦!exact hq⟧⟧\n  ⟦have g : q := by ⟦!exact hp⟧⟧\n  ⟦exact ⟨h, g⟩⟧",
    ),
    Case(
        "open goals in a one-line have",
        AND,
        "by\n  ⟦have h : p ∧ q := by ⟦constructor⟧; ⟦exact hp⟧; ⟦!skip⟧⟧\n  ⟦exact h⟧",
    ),
    Case(
        "a have in a term in a tactic",
        AND,
        "by\n  ⟦exact ⟨(by\n    ⟦have h : p := by\n      ⟦!exact hq⟧⟧\n    ⟦exact h⟧), hq⟩⟧",
    ),
    Case("let by", "theorem t : ∃ n : Nat, n = 1", "by\n  ⟦let x : Nat := by ⟦exact 1⟧⟧\n  ⟦exact ⟨x, rfl⟩⟧"),
    Case("<;>", AND, "by\n  ⟦constructor <;> ⟦assumption⟧⟧"),
    Case("an error after <;>", AND, "by\n  ⟦constructor <;> ⟦!exact hp⟧⟧"),
    Case("<;> twice", AND, "by\n  ⟦constructor <;> ⟦skip⟧ <;> ⟦assumption⟧⟧"),
    Case("calc", CHAIN, "by\n  ⟦calc a = b := by ⟦rw [h]⟧\n    _ = c := by ⟦exact g⟧⟧"),
    Case(
        "an error in a step of calc", CHAIN, "by\n  ⟦calc a = b := by ⟦!exact g⟧\n    _ = c := by ⟦exact g⟧⟧"
    ),
    Case("an error in a term of calc", CHAIN, "by\n  ⟦!calc a = b := by ⟦rw [h]⟧\n    _ = c := h⟧"),
    Case("calc that proves something else", CHAIN, "by\n  ⟦!calc a = b := h\n    _ = b := by ⟦rfl⟧⟧"),
    Case("calc as a term", CHAIN, "calc\n  a = b := by ⟦rw [h]⟧\n  _ = c := by ⟦!rw [h]⟧"),
    Case(
        "induction",
        ZERO,
        "by\n  ⟦induction n with\n  | zero => ⟦rfl⟧\n  | succ k ih => ⟦rw [← Nat.add_assoc, ih]⟧⟧",
    ),
    Case(
        "an error in a case of induction",
        ZERO,
        "by\n  ⟦induction n with\n  | zero => ⟦rfl⟧\n  | succ k ih => ⟦!rw [ih]⟧⟧",
    ),
    Case(
        "an open case of induction",
        ZERO,
        "by\n  ⟦induction n with\n  | zero => ⟦rfl⟧\n  | succ k ih => ⟦!skip⟧⟧",
    ),
    Case("a missing case of induction", ZERO, "by\n  ⟦!induction n with\n  | zero => ⟦rfl⟧⟧"),
    Case(
        "induction in induction",
        "theorem t (m n : Nat) : m + n = n + m",
        "by\n  ⟦induction m with\n  | zero =>\n"
        "    ⟦induction n with\n    | zero => ⟦rfl⟧\n    | succ k ih => ⟦!skip⟧⟧\n  | succ k ih => ⟦omega⟧⟧",
    ),
    Case(
        "cases",
        "theorem t (p q : Prop) (h : p ∨ q) : q ∨ p",
        "by\n  ⟦cases h with\n  | inl hp => ⟦exact Or.inr hp⟧\n  | inr hq => ⟦exact Or.inl hq⟧⟧",
    ),
    Case("match", SWAP, "by\n  ⟦match h with\n  | ⟨hp, hq⟩ => ⟦exact ⟨hq, hp⟩⟧⟧"),
    Case("an error in a match", SWAP, "by\n  ⟦match h with\n  | ⟨hp, hq⟩ => ⟦!exact ⟨hp, hq⟩⟧⟧"),
    Case("an open match", SWAP, "by\n  ⟦match h with\n  | ⟨hp, hq⟩ => ⟦!skip⟧⟧"),
    Case(
        "match as a term",
        "theorem t (p q : Prop) (h : p ∨ q) : q ∨ p",
        "match h with\n  | .inl a => by ⟦right⟧; ⟦exact a⟧\n  | .inr b => by ⟦right⟧; ⟦!exact b⟧",
    ),
    Case(
        "mathematical letters",
        "theorem t (ℝ₀ x₁ : Nat) (h₀ : ∀ n : Nat, n = ℝ₀) : x₁ = ℝ₀ ∧ True",
        "by\n  -- ⟨∀ℝ₀⟩ 😀\n  ⟦refine ⟨?_, trivial⟩⟧\n  ⟦exact h₀ x₁⟧",
    ),
    Case(
        "characters beyond 16 bits",
        "theorem t (ℝ₀ x₁ : Nat) (h₀ : ∀ n : Nat, n = ℝ₀) : x₁ = ℝ₀ ∧ True",
        'by\n  ⟦have s : "😀𝔸" = "😀𝔸" := rfl⟧\n  ⟦refine ⟨?_, trivial⟩⟧\n  ⟦!exact h₀ ℝ₀⟧',
    ),
    Case("an error behind emoji", 'theorem t : "🧮⟨∀ℝ₀⟩".length = 5', "by\n  /- 😀 𝔸 -/ ⟦!decide⟧"),
    Case("a name that holds sorry", AND, "by\n  ⟦have «sorry 😀» : p := hp⟧\n  ⟦exact ⟨«sorry 😀», hq⟩⟧"),
    Case(
        "comments that say sorry",
        AND,
        "by -- first ⟨\n  ⟦constructor⟧ -- sorry\n  · ⟦exact hp⟧ /- sorry 😀 /- deep -/ -/\n  · ⟦!exact hp⟧",
    ),
    Case("a comment at the end", COMM, "by ⟦omega⟧   \n\n-- done 😀\n"),
    Case("carriage returns", AND, "by\r\n  ⟦constructor⟧\r\n  · ⟦!exact hq⟧\r\n  · ⟦exact hq⟧"),
    Case("a token too many in a tactic", COMM, "by\n  ⟦have h : a = a := rfl⟧\n  ⟦exact⟧ ⟦!)⟧"),
    Case("a bracket left open", COMM, "by\n  ⟦!rw [Nat.add_comm\n  rfl⟧⟦!⟧"),
    Case("a token too many at the end", COMM, "by ⟦omega⟧ ⟦!)⟧"),
    Case("an unknown tactic", COMM, "by\n  ⟦intro 5⟧\n  ⟦!foo⟧ bar"),
    Case("an unknown tactic in a have", COMM, "by\n  ⟦have h : a = a := by ⟦!foo⟧⟧\n  exact h"),
    Case("the := twice", COMM, "⟦!:⟧= by omega"),
    Case("an open bullet before a parse error", AND, "by\n  ⟦constructor⟧\n  · ⟦!skip⟧\n  · ⟦exact⟧ ⟦!)⟧"),
    Case(
        "a parenthesis left open in a bullet", AND, "by\n  ⟦constructor⟧\n  · ⟦exact hp⟧\n  · ⟦exact (hq⟧⟦!⟧"
    ),
    Case(
        "show from as a tactic",
        AND,
        "by\n  ⟦constructor⟧\n  · ⟦show p⟧ ⟦!from⟧ hp\n  · show q from by exact hq",
    ),
    Case("a tab", COMM, "by\n⟦!\t⟧omega"),
    Case("an empty by", COMM, "by⟦!⟧"),
    Case("Lean 3", AND, "⟦!begin⟧\n  split⟦!,⟧\n  exact hp,\n  exact hq\n⟦!end⟧"),
    Case("tactics without by", AND, "⟦!constructor⟧ ⟦!<⟧;> assumption"),
    Case("a code fence", AND, "by\n  ⟦exact ⟨hp, hq⟩⟧\n⟦!`⟧``"),
    Case("a tactic indented too far", AND, "by\n  ⟦constructor⟧\n    ⟦!exact⟧ hp\n  exact hq"),
    Case("an open comment", "theorem t : 1 = 1", "by rfl\n/- open⟦!⟧"),
    Case("an anonymous constructor left open", AND, "by ⟦exact ⟨hp, hq⟧⟦!⟧"),
    Case("sorry", COMM, "by ⟦!sorry⟧"),
    Case("sorry in a have", COMM, "by\n  ⟦have h : a + b = b + a := by ⟦!sorry⟧⟧\n  ⟦exact h⟧"),
    Case("sorry as a term", COMM, "by\n  ⟦!exact sorry⟧"),
    Case("sorry alone", COMM, "⟦!sorry⟧"),
    Case("admit", AND, "by\n  ⟦constructor⟧\n  · ⟦!admit⟧\n  · ⟦exact hq⟧"),
    Case("stop", AND, "by\n  ⟦constructor⟧\n  ⟦!stop\n  exact foo⟧"),
    Case("a sorry that did not run", AND, "by\n  ⟦first | ⟦exact ⟨hp, hq⟩⟧ | sorry⟧"),
    Case("sorry before an error", AND, "by\n  ⟦have h : q := by ⟦!sorry⟧⟧\n  ⟦!exact ⟨hq, h⟩⟧"),
    Case("a sorry that was not reached", AND, "by\n  ⟦!apply Or.inl⟧\n  sorry"),
    Case(
        "sorry as a string and as a name",
        AND,
        'by\n  ⟦have s : "sorry" = "sorry" := rfl⟧\n  ⟦have «sorry» : p := hp⟧\n  ⟦!exact hp⟧',
    ),
    Case("sorry after an error", AND, "by\n  ⟦have h : q := by ⟦!exact hp⟧⟧\n  ⟦!exact ⟨sorry, h⟩⟧"),
    Case("a term", COMM, "⟦Nat.add_comm a b⟧"),
    Case("a wrong term", COMM, "⟦!Nat⟧.add_comm b a"),
    Case("by in a term", AND, "⟨by ⟦exact hp⟧, by ⟦exact hq⟧⟩"),
    Case("an error in by in a term", AND, "⟨by ⟦!exact hq⟧, by ⟦exact hq⟧⟩"),
    Case("show from in a term", AND, "⟨show p from by ⟦assumption⟧, show q from ⟦!hp⟧⟩"),
    Case("two open bys in a term", "theorem t (p : Prop) (hp : p) : p ∧ p", "⟨by ⟦!skip⟧, by ⟦!skip⟧⟩"),
    Case("an open by in exact", AND, "by\n  ⟦exact ⟨by ⟦!skip⟧, hq⟩⟧"),
    Case(
        "an open show by",
        AND,
        "by\n  ⟦constructor⟧\n  · ⟦exact show p by ⟦!skip⟧⟧\n  · ⟦exact show q by ⟦exact hq⟧⟧",
    ),
    Case(
        "show from in exact",
        AND,
        "by\n  ⟦constructor⟧\n  · ⟦exact show p from hp⟧\n  · ⟦exact (show q from by ⟦exact hq⟧)⟧",
    ),
    Case("first", AND, "by\n  ⟦first | ⟦exact hp⟧ | ⟦exact ⟨hp, hq⟩⟧⟧"),
    Case("first that fails", AND, "by\n  ⟦first | ⟦exact hp⟧ | ⟦!exact hq⟧⟧"),
    Case(
        "an error in a case",
        AND,
        "by\n  ⟦constructor⟧\n  ⟦case left => ⟦exact hp⟧⟧\n  ⟦case right => ⟦!exact hp⟧⟧",
    ),
    Case("an open case", AND, "by\n  ⟦constructor⟧\n  ⟦case left => ⟦!skip⟧⟧\n  ⟦case right => ⟦exact hq⟧⟧"),
    Case("an unknown case", AND, "by\n  ⟦constructor⟧\n  ⟦!case foo => exact hp⟧\n  case right => exact hq"),
    Case("all_goals", AND, "by\n  ⟦constructor⟧\n  ⟦all_goals ⟦assumption⟧⟧"),
    Case("an error in all_goals", AND, "by\n  ⟦constructor⟧\n  ⟦all_goals ⟦!exact hp⟧⟧"),
    Case("an open next", AND, "by\n  ⟦constructor⟧\n  ⟦next => ⟦!skip⟧⟧\n  ⟦next => ⟦exact hq⟧⟧"),
    Case("an open else", "theorem t (n : Nat) : n = n", "by\n  ⟦if n = 0 then ⟦rfl⟧ else ⟦!skip⟧⟧"),
    Case("open braces", AND, "by\n  ⟦constructor⟧\n  { ⟦!skip⟧ }\n  { ⟦exact hq⟧ }"),
    Case("parentheses", AND, "by\n  ⟦constructor⟧\n  (⟦skip⟧; ⟦exact hp⟧)\n  ⟦exact hq⟧"),
    Case("decide", "theorem t : 2 + 2 = 4", "by ⟦decide⟧"),
    Case("decide of what is false", "theorem t : 2 + 2 = 5", "by ⟦!decide⟧"),
    Case("an error in a list of rewrites", COMM, "by\n  ⟦!rw [Nat.add_comm, Nat.mul_comm]⟧"),
    Case("a tactic too many", AND, "by\n  ⟦exact ⟨hp, hq⟩⟧\n  ⟦!exact hp⟧"),
    Case("semicolons", AND, "by ⟦constructor⟧; ⟦exact hp⟧; ⟦exact hq⟧"),
    Case("an error in suffices", AND, "by\n  ⟦suffices h : q by\n    ⟦!exact ⟨h, h⟩⟧⟧\n  ⟦exact hq⟧"),
    Case("a pattern of intro", "theorem t (p q : Prop) : p ∧ q → q", "by\n  ⟦intro ⟨_, hq⟩⟧\n  ⟦exact hq⟧"),
    Case("an error in conv", COMM, "by\n  ⟦conv =>\n    ⟦lhs\n    ⟦!rw [Nat.mul_comm]⟧⟧⟧"),
    Case("a disallowed axiom", "theorem t : 2 + 2 = 4", "by ⟦native_decide⟧"),
    Case("another theorem", COMM, "by ⟦omega⟧\ntheorem u : 1 = 2 := by ⟦!rfl⟧"),
    Case("a token too many behind a comment", COMM, "by\n  ⟦exact⟧ -- 𝔸\n    ⟦!)⟧"),
]
