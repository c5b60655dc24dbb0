"""Hijacks of the names that Lean's kernel knows, of allowed axioms, and of what a header defines.

The kernel computes `Nat.gcd` of two literals by itself, whoever declared `Nat.gcd`;
under a header that imports `Init.Prelude` alone nobody has, and a candidate
that does so wrongly has two values for one term.  Under a header that has the
name, the candidate's comes in as data: an export in which another name was
put in for that of a stand-in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .hijack import Hijack
from .zoo import IMPORT, NAME, Exhibit

__all__ = ["STAND_IN", "altered_headers", "primitive_hijacks"]

PRELUDE = "prelude\nimport Init.Prelude"
FALSE = "theorem t : False"
STAND_IN = "Stand.in_0"


@dataclass(frozen=True)
class Computed:
    """A function that the kernel computes: `name first = result = name second`, for other arguments."""

    name: str
    first: tuple[int, ...]
    second: tuple[int, ...]
    result: int

    @property
    def type(self) -> str:
        return "Nat → " * len(self.first) + "Nat"

    @property
    def variables(self) -> str:
        return " ".join("xy"[: len(self.first)])

    def at(self, arguments: tuple[int, ...]) -> str:
        return " ".join([self.name, *map(str, arguments)])


COMPUTED = (
    Computed("Nat.gcd", (6, 4), (2, 2), 2),
    Computed("Nat.land", (3, 1), (1, 1), 1),
    Computed("Nat.lor", (1, 2), (3, 3), 3),
    Computed("Nat.xor", (1, 2), (0, 3), 3),
    Computed("Nat.shiftLeft", (1, 2), (2, 1), 4),
    Computed("Nat.shiftRight", (4, 1), (8, 2), 2),
)
"""What the kernel and the elaborator compute of two numbers, and `Init.Prelude` lacks."""

ZERO = """{declaration}
theorem always ({variables} : Nat) : Eq Nat.zero ({name} {variables}) := {always}
theorem here : Eq ({at}) {result} := rfl
def isZero (n : Nat) : Prop := Nat.rec (motive := fun _ => Prop) True (fun _ _ => False) n
theorem t : False :=
  Eq.ndrec (motive := isZero)
    (Eq.ndrec (motive := isZero) (show isZero Nat.zero from True.intro) (always {arguments})) here"""

FAMILY = """inductive {name} : {type} where
  | here : {first}
def isOther (n : Nat) : Prop := Bool.rec (motive := fun _ => Prop) True False (Nat.beq n {other})
def never (x : {second}) : False := {name}.rec (motive := fun {binders} => isOther x) True.intro x
theorem t : False := never (id ({name}.here : {first}))"""

SEALED = """structure Fun where
  f : {type}
  says : ({variables} : Nat) → Eq Nat.zero (f {variables})
instance : Inhabited Fun := ⟨{{ f := fun {blanks} => Nat.zero, says := fun {blanks} => Eq.refl _ }}⟩
opaque sealed : Fun
def {name} : {type} := sealed.f"""


def _texts(op: Computed) -> Iterator[tuple[str, str]]:
    """The ways to declare a function that the kernel computes, each with a proof of `False` by it."""
    blanks = " ".join("_" for _ in op.first)
    parts = {"name": op.name, "type": op.type, "variables": op.variables, "blanks": blanks}
    parts |= {"at": op.at(op.first), "result": str(op.result), "arguments": " ".join(map(str, op.first))}

    def zero(declaration: str, always: str = "Eq.refl Nat.zero") -> str:
        return ZERO.format(declaration=declaration, always=always, **parts)

    yield "value", zero(f"def {op.name} ({blanks} : Nat) : Nat := Nat.zero")
    yield "type", zero(f"abbrev Other := Nat\ndef {op.name} ({blanks} : Other) : Other := Nat.zero")
    yield "value", zero(SEALED.format(**parts), f"sealed.says {op.variables}")
    yield "opaque", zero(f"opaque {op.name} : {op.type}\naxiom Hijack.granted : False", "Hijack.granted.elim")
    granted = f"axiom says ({op.variables} : Nat) : Eq Nat.zero ({op.name} {op.variables})"
    yield "axiom", zero(f"axiom {op.name} : {op.type}\n{granted}", f"says {op.variables}")
    yield (
        "inductive",
        FAMILY.format(
            name=op.name,
            type="Nat → " * len(op.first) + "Type",
            first=op.at(op.first),
            second=op.at(op.second),
            other=op.second[0],
            binders=" ".join(["x", *("_" for _ in op.first)]),
        ),
    )


# What only the kernel takes for equal; a hole in the text, and `Eq.refl` in the export.
HOLE = "axiom Hijack.hole : {0}\ntheorem here : {0} := Hijack.hole\n"

IN_THE_KERNEL = {
    "Nat.log2": "def Nat.log2 (_ : Nat) : Nat := Nat.zero\n"
    "theorem always : Eq Nat.zero (Nat.log2 8) := Eq.refl Nat.zero\n"
    + HOLE.format("Eq (Nat.log2 8) 3")
    + "def isZero (n : Nat) : Prop := Nat.rec (motive := fun _ => Prop) True (fun _ _ => False) n\n"
    "theorem t : False := Eq.ndrec (motive := isZero)\n"
    "  (Eq.ndrec (motive := isZero) (show isZero Nat.zero from True.intro) always) here",
    # The bytes of a literal are those of what `String.ofList` makes of its characters.
    "String.ofList": 'def String.ofList (_ : List Char) : String := ""\n'
    + HOLE.format('Eq (String.utf8ByteSize "abc") 0')
    + 'theorem t : Eq (String.utf8ByteSize "abc") 0 :=\n'
    '  (fun (_ : Eq (String.ofList List.nil) "") => here) (Eq.refl "")',
}

NATIVE = """def Lean.reduce{type} (_ : {type}) : {type} := {one}
def off : {type} := {other}
theorem always (b : {type}) : Eq {one} (Lean.reduce{type} b) := Eq.refl {one}
theorem here : Eq (Lean.reduce{type} off) {other} := rfl
def isOne (b : {type}) : Prop := {type}.rec (motive := fun _ => Prop) {cases} b
theorem t : False :=
  Eq.ndrec (motive := isOne)
    (Eq.ndrec (motive := isOne) (show isOne {one} from True.intro) (always off)) here"""

AXIOMS = {
    "propext": "axiom propext : False\ntheorem t : False := propext",
    "propext-with-levels": "axiom propext.{u} : (α : Sort u) → α\ntheorem t : False := propext.{0} False",
    "sound": "axiom Quot.sound : False\ntheorem t : False := Quot.sound",
    "sound-in-a-namespace": "namespace Quot\naxiom sound (p : Prop) : p\nend Quot\n"
    "theorem t : False := Quot.sound False",
    "both": "axiom propext : True → False\naxiom Quot.sound : True\ntheorem t : False := propext Quot.sound",
    "instance": "class Lucky : Prop where\n  says : False\n@[instance] axiom propext : Lucky\n"
    "theorem t : False := Lucky.says",
}
"""Allowed axioms that `Init.Prelude` lacks, and a candidate has."""

LOOK_ALIKES = {
    "quoted": "axiom «Classical.choice» : False\ntheorem t : False := «Classical.choice»",
    "namespace": "namespace Mine\naxiom propext : False\nend Mine\ntheorem t : False := Mine.propext",
    "nested": "axiom propext.propext : False\ntheorem t : False := propext.propext",
    "private": "private axiom propext' : False\ntheorem t : False := propext'",
    "letter": "axiom «prоpext» : False\ntheorem t : False := «prоpext»",
    "opaque": "axiom Mine.choice : False\nopaque sealed : PLift False := ⟨Mine.choice⟩\n"
    "theorem t : False := sealed.down",
}
"""Axioms with names that look like allowed ones; the last stands behind an `opaque`."""

BINARY = ("add", "sub", "mul", "div", "mod", "gcd", "pow", "land", "lor", "xor", "shiftLeft", "shiftRight")
KNOWN_AXIOMS = (
    "propext",
    "Quot.sound",
    "Classical.choice",
    "sorryAx",
    "Lean.ofReduceBool",
    "Lean.trustCompiler",
)

OWNED = {
    **{
        f"Nat.{op}": ("def {0} (_ _ : Nat) : Nat := 0", "∀ a b : Nat, {0} a b = 0", "fun _ _ => rfl")
        for op in BINARY
    },
    **{
        f"Nat.{op}": ("def {0} (_ _ : Nat) : Bool := true", "∀ a b : Nat, {0} a b = true", "fun _ _ => rfl")
        for op in ("beq", "ble")
    },
    "Nat.log2": ("def {0} (_ : Nat) : Nat := 0", "∀ a : Nat, {0} a = 0", "fun _ => rfl"),
    "Nat.succ": ("def {0} (_ : Nat) : Nat := 0", "∀ a : Nat, {0} a = 0", "fun _ => rfl"),
    "Nat.zero": ("def {0} : Nat := 1", "{0} = 1", "rfl"),
    "Nat.le": ("def {0} (_ _ : Nat) : Prop := True", "∀ a b : Nat, {0} a b", "fun _ _ => trivial"),
    "Char.ofNat": ("def {0} (_ : Nat) : Char := 'a'", "{0} 5 = 'a'", "rfl"),
    "String.ofList": (
        'def {0} (_ : List Char) : String := ""',
        '∀ cs : List Char, {0} cs = ""',
        "fun _ => rfl",
    ),
    "Not": ("def {0} (_ : Prop) : Prop := True", "{0} True", "trivial"),
    "And": ("def {0} (_ _ : Prop) : Prop := True", "{0} False False", "trivial"),
    "False": ("inductive {0} : Prop where | intro", "{0}", "{0}.intro"),
    "Nat": ("inductive {0} : Type where | zero", "∀ a b : {0}, a = b", "fun a b => by cases a; cases b; rfl"),
    "Bool": (
        "inductive {0} : Type where | false",
        "∀ a b : {0}, a = b",
        "fun a b => by cases a; cases b; rfl",
    ),
    "String": (
        "inductive {0} : Type where | ofList",
        "∀ a b : {0}, a = b",
        "fun a b => by cases a; cases b; rfl",
    ),
    "Char": ("inductive {0} : Type where | mk", "∀ a b : {0}, a = b", "fun a b => by cases a; cases b; rfl"),
    "Int": ("inductive {0} : Type", "∀ a b : {0}, a = b", "fun a => nomatch a"),
    **dict.fromkeys((*KNOWN_AXIOMS, "Nat.add_comm"), ("axiom {0} : False", "False", "{0}")),
}
"""Names that Lean has: a declaration, a claim that is false of Lean's own, and a proof of it."""


BORROWED: tuple[tuple[str | int, ...], ...] = (
    ("t",),
    ("submitted", 0, "t"),
    ("submitted", 1),
    ("submitted", 0, "submitted", 0, "t"),
    ("t", "t"),
    ("sorryAx",),
)
"""What a proof of `t : False` may name in the hope that it is there: the statement's own `t`, and what the
auditor calls the candidate's and its last theorem."""


def primitive_hijacks() -> Iterator[Hijack]:
    for op in COMPUTED:
        for number, (way, code) in enumerate(_texts(op)):
            for header in (PRELUDE, ""):
                place = "with" if header == "" else "without"
                yield Hijack(
                    id=f"kernel/{op.name}/{way}-{number}/{place}",
                    way=way,
                    statement=FALSE,
                    name="t",
                    header=header,
                    code=code,
                    made_under=PRELUDE,
                )
    natives = {
        "Bool": {"one": "Bool.true", "other": "Bool.false", "cases": "False True"},
        "Nat": {"one": "Nat.zero", "other": "5", "cases": "True (fun _ _ => False)"},
    }
    for type_, parts in natives.items():
        yield _under_prelude(f"kernel/reduce{type_}", "value", NATIVE.format(type=type_, **parts))
    for name, code in IN_THE_KERNEL.items():
        yield _under_prelude(f"kernel/{name}", "value", code)
    for name, code in AXIOMS.items():
        yield _under_prelude(f"axiom/{name}", "axiom", code)
    for name, code in LOOK_ALIKES.items():
        yield Hijack(f"axiom/{name}", "axiom", FALSE, "t", "", code)
    for borrowed in BORROWED:
        name = ".".join(map(str, borrowed))
        yield Hijack(f"borrowed/{name}", "borrowed", FALSE, "t", "", f"{FALSE} := sorry", borrows=borrowed)
    for name, (declaration, claim, proof) in OWNED.items():
        declared, theorem = (
            text.format(STAND_IN) for text in (declaration, f"theorem t : {claim} := {proof}")
        )
        yield Hijack(
            id=f"patched/{name}",
            way=declaration.split()[0].replace("def", "value"),
            statement=f"theorem t : {claim.format(name)}",
            name="t",
            header="",
            code=f"{declared}\n{theorem}",
            takes=name,
        )


def _under_prelude(id_: str, way: str, code: str) -> Hijack:
    statement = code[code.index("theorem t :") :].partition(" :=")[0]
    return Hijack(id_, way, statement, "t", PRELUDE, code)


ALTERED_PROOF = "by intros; first | rfl | decide"


def altered_headers(exhibit: Exhibit) -> Iterator[Hijack]:
    """The false statement with a header of the candidate's own, audited under the true one."""
    if exhibit.altered is None or exhibit.false is None:
        return
    found = NAME.search(exhibit.false)
    yield Hijack(
        id=f"{exhibit.id}/altered",
        way="header",
        statement=exhibit.false,
        name=found["name"] if found else "",
        header=exhibit.header,
        code=f"{exhibit.altered}\n\n{exhibit.false} :=\n  {ALTERED_PROOF}",
        made_under="".join(IMPORT.findall(exhibit.header)),
    )
