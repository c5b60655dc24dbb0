"""Hijacks: candidates that declare what Lean, or its kernel, would have declared by a name, and differently.

Each is made from a false statement of the zoo that holds if its auxiliaries are
others.  The statement is elaborated with `sorry`; its export shows which auxiliaries
Lean makes for it, under which names, and the theorem's type in terms of them.
The candidate declares those names itself and states the theorem with
them, so that name for name it has the reference's type.  The ways:

    type        the auxiliary answers one thing, which its type says
    value       the auxiliary has Lean's type and answers anything but what it should
    axiom       the auxiliary is an axiom, and so is the claim
    opaque      the auxiliary is opaque, and the claim is left open
    inductive   the auxiliary is a family of propositions with a constructor for each
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verifier.judging.protocol import Export

from .surface import Surface, Unprintable
from .zoo import Exhibit

__all__ = ["Hijack", "Twin", "hijacks_of", "twins_of"]

# What a hijacked auxiliary answers, by its type as `Surface` writes it.
ANSWERS = {
    "@_root_.Nat": "(7 : Nat)",
    "@_root_.Int": "(7 : Int)",
    "@_root_.Bool": "true",
    "(Sort 0)": "True",
    "(@_root_.Id.{0} @_root_.Nat)": "(7 : Nat)",
    "(@_root_.Option.{0} @_root_.Nat)": "(some 7 : Option Nat)",
    "(@_root_.List.{0} @_root_.Nat)": "([7] : List Nat)",
}
PROOF = "by intros; first | rfl | decide | trivial | constructor <;> first | exact (0, 0) | constructor"
GRANTED = "Hijack.granted"


@dataclass(frozen=True)
class Hijack:
    """A candidate for a false statement, which may not be proved in any form.

    `code` is elaborated under `made_under`, or under `header` itself, and what it exports is
    audited under `header`.
    """

    id: str
    way: str
    statement: str
    name: str
    header: str
    code: str
    made_under: str | None = None
    takes: str | None = None
    """A name that is put into the export where the code has a stand-in's."""
    borrows: tuple[str | int, ...] = ()
    """A name that is put into the export beside the candidate's, and given as its proof."""


@dataclass(frozen=True)
class Twin:
    """A false statement of the zoo, with what is to be done to it."""

    exhibit: Exhibit
    statement: str
    is_unequal: bool

    @property
    def id(self) -> str:
        return f"{self.exhibit.id}/{'unequal' if self.is_unequal else 'false'}"


def twins_of(exhibit: Exhibit) -> list[Twin]:
    found = [(exhibit.false, False), (exhibit.unequal, True)]
    return [Twin(exhibit, statement, is_unequal) for statement, is_unequal in found if statement is not None]


@dataclass(frozen=True)
class Auxiliary:
    """A declaration that Lean made for a statement."""

    surface: Surface
    decl: dict[str, Any]

    @property
    def name(self) -> str:
        return self.surface.name(self.decl["name"])

    @property
    def as_it_is(self) -> str:
        return self.surface.declaration(self.decl)

    @property
    def is_data(self) -> bool:
        return bool(self.decl["kind"] == "def")

    @property
    def result(self) -> str | None:
        """The type of what it answers where the statement uses it, if that is one closed type."""
        types, end = self.surface.binders(self.decl["type"])
        spine = end
        while self.surface.row(spine)[0] == "app":
            spine = self.surface.row(spine)[1]
        if self.surface.row(spine) != ["var", len(types) - 1]:
            return self._closed(end)
        # It ends in its first argument, the motive: that is what it is applied to.
        rows = self.surface.export["exprs"]
        uses = {
            self._closed(self._body(row[2]))
            for row in rows
            if row[0] == "app" and rows[row[1]][:2] == ["const", self.decl["name"]]
        }
        return uses.pop() if len(uses) == 1 else None

    def _body(self, place: int) -> int:
        while self.surface.row(place)[0] == "lam":
            place = self.surface.row(place)[3]
        return place

    def _closed(self, place: int) -> str | None:
        try:
            return self.surface.term(place)
        except Unprintable:
            return None

    @property
    def other_type(self) -> str | None:
        return None if self.result is None else self.surface.ending_in(self.decl["type"], self.result)

    def altered(self, way: str) -> str | None:
        """The declaration in a cheat's way, or None where that way does not apply."""
        head, other = self.surface.head(self.decl), self.other_type
        type_ = self.surface.term(self.decl["type"])
        if not self.is_data:
            return f"axiom {head} : {type_}" if way == "axiom" else None
        if way == "value":
            arguments = " ".join(f"y{i}" for i in range(len(self.surface.binders(self.decl["type"])[0])))
            own = f"({self.surface.term(self.decl['value'])} {arguments})"
            return (
                f"def {head} : {type_} :=\n  fun {arguments} =>\n"
                f"  @Classical.epsilon _ ⟨{own}⟩ (fun y => y ≠ {own})"
            )
        if other is None or self.result not in ANSWERS:
            return None
        if way == "type":
            return f"def {head} : {other} := by intros; exact {ANSWERS[self.result]}"
        if way == "axiom":
            return f"axiom {head} : {other}"
        if way == "opaque":
            return f"opaque {head} : {other} := by intros; exact {ANSWERS[self.result]}"
        if way == "inductive" and self.result == "(Sort 0)":
            count = len(self.surface.binders(self.decl["type"])[0])
            applied = " ".join([self.name, *(f"x{i}" for i in range(count))])
            constructor = self.surface.ending_in(self.decl["type"], applied)
            return f"inductive {head.removeprefix('_root_.')} : {other} where\n  | holds : {constructor}"
        return None


def hijacks_of(twin: Twin, export: Export) -> Iterator[Hijack]:
    """All hijacks of a false statement, from the export of it with `sorry` for its proof."""
    surface = Surface(export)
    *decls, target = export["decls"]
    auxiliaries = [Auxiliary(surface, decl) for decl in decls]
    if not auxiliaries:
        return
    claim = surface.term(target["type"])
    named = [each for each in auxiliaries if f"@_root_.{each.name}" in claim]
    theorem = f"theorem {surface.head(target)} : {claim}"
    ways = (
        ("value", "type", "axiom", "opaque") if twin.is_unequal else ("type", "axiom", "opaque", "inductive")
    )
    for way in ways:
        # All that the claim names at once, and, where that says nothing of the claim, each alone.
        chosen = [
            named,
            *([each] for each in auxiliaries if way in ("axiom", "opaque") and len(auxiliaries) > 1),
        ]
        for number, group in enumerate(chosen):
            texts = {each.name: each.altered(way) for each in group}
            if None in texts.values():
                continue
            before = [texts.get(each.name) or each.as_it_is for each in auxiliaries]
            if way == "axiom":
                levels = surface.head(target).removeprefix(f"_root_.{surface.name(target['name'])}")
                before.append(f"axiom {GRANTED}{levels} : {claim}")
            yield Hijack(
                id=f"{twin.id}/{way}-{number}",
                way=way,
                statement=twin.statement,
                name=surface.name(target["name"]),
                header=twin.exhibit.header,
                code="\n\n".join([*before, f"{theorem} :=\n  {_proof(way, surface, target)}"]),
            )


def _proof(way: str, surface: Surface, target: dict[str, Any]) -> str:
    if way == "axiom":
        return GRANTED
    if way == "opaque":
        return "sorry"
    if way != "value":
        return PROOF
    # The claim is `Ne Nat (auxiliary …) v`, with no binders.
    value = surface.term(surface.row(target["type"])[2])
    witness = f"(Exists.intro (Nat.succ {value}) (Nat.succ_ne_self {value}))"
    says = f"@Classical.epsilon_spec.{{1}} Nat (fun y => y ≠ {value}) {witness}"
    return f"by have says := {says}; first | exact says | with_unfolding_all exact says"
