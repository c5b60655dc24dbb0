"""The published holes of Lean's kernel as exports: data that no Lean made, in renderings of our own.

`verifier/lean/advisories.py` says what each needs.  An auditor refuses all of them, on every version of Lean:
a version without the hole by its kernel, and one with it by the guard in `verifier/lean/Plain.lean`.
"""

from collections.abc import Callable

from verifier.doctor.raw_export import ONE, ZERO, RawExport
from verifier.judging.protocol import Export
from verifier.verdict import Status

__all__ = ["FALSE", "HOLES", "TRUE", "used"]

FALSE = "theorem t : False"
TRUE = "theorem t : True"


def used(raw: RawExport) -> Export:
    """The theorem `t : True` behind what was declared: all of an export has to be accepted."""
    true = raw.const("True")
    raw.theorem("t", true, raw.const("True.intro"))
    return raw.export


def coin() -> Export:
    """lean4#14613: a proof of `False` by a proposition that the kernel does not see as one."""
    raw = RawExport()
    hidden = raw.sort(raw.level("imax", ONE, ZERO))
    boolean, coin, prop = raw.const("Bool"), raw.const("Coin"), raw.sort(ZERO)
    raw.inductive(("Rim", prop, ()), ("Coin", hidden, [("Coin.toss", raw.pi(boolean, coin))]))
    raw.define("Tossed", prop, coin)
    tossed = raw.const("Tossed")
    raw.define("side", raw.pi(tossed, boolean), raw.lam(tossed, raw.proj("Coin", 0, raw.var(0))))
    toss = raw.const("Coin.toss")
    for name, side in (("heads", "true"), ("tails", "false")):
        raw.define(name, tossed, raw.app(toss, raw.const(f"Bool.{side}")))
    heads, tails = raw.const("heads"), raw.const("tails")
    refl = raw.app(raw.const("Eq.refl", ZERO), tossed, heads)
    raw.theorem("same", raw.app(raw.const("Eq", ZERO), tossed, heads, tails), refl)
    sides = raw.app(
        raw.const("congrArg", ZERO, ONE), tossed, boolean, heads, tails, raw.const("side"), raw.const("same")
    )
    false = raw.const("False")
    true, no = raw.const("Bool.true"), raw.const("Bool.false")
    absurd = raw.app(raw.const("Bool.noConfusion", ZERO), false, true, no, sides)
    raw.theorem("t", false, absurd)
    return raw.export


def ill_typed_parameter() -> Export:
    """lean4#14576: the parameter of the nested occurrence is a projection out of no structure."""
    raw = RawExport()
    nat, type_ = raw.const("Nat"), raw.sort(ONE)
    ghost, t = raw.const("Ghost"), raw.const("T")
    raw.inductive(
        (
            "Ghost",
            raw.pi(type_, nat, type_),
            [("Ghost.mk", raw.pi(type_, nat, raw.app(ghost, raw.var(1), raw.var(0))))],
        ),
        arity=2,
    )
    wrong = raw.proj("Prod", 0, raw.var(0))
    field = raw.app(ghost, raw.app(t, raw.var(0)), wrong)
    raw.inductive(("T", raw.pi(nat, type_), [("T.mk", raw.pi(nat, field, raw.app(t, raw.var(1))))]), arity=1)
    return used(raw)


def simple(make: Callable[[RawExport, int, int], int]) -> Export:
    """A type `T : Type` with a constructor of one field, whose type is made of `Type` and `T`."""
    raw = RawExport()
    type_, t = raw.sort(ONE), raw.const("T")
    raw.inductive(("T", type_, [("T.mk", raw.pi(make(raw, type_, t), t))]))
    return used(raw)


def behind_a_definition() -> Export:
    """lean4#14806, the shape: whether the field is recursive is seen by unfolding."""

    def field(raw: RawExport, type_: int, t: int) -> int:
        return raw.app(raw.const("id", raw.level("succ", ONE)), type_, t)

    return simple(field)


def behind_a_function() -> Export:
    """lean4#14806, the shape: whether the field is recursive is seen by applying a function."""
    return simple(lambda raw, type_, t: raw.app(raw.lam(type_, raw.var(0)), t))


def behind_a_recursor() -> Export:
    """lean4#14806, the shape: whether the field is recursive is for a recursor to say."""

    def field(raw: RawExport, type_: int, t: int) -> int:
        boolean = raw.const("Bool")
        rec = raw.const("Bool.rec", raw.level("succ", ONE))
        return raw.app(rec, raw.lam(boolean, type_), raw.const("Nat"), t, raw.const("Bool.true"))

    return simple(field)


def in_a_nested_type() -> Export:
    """lean4#14806, the shape: the type that it is nested in applies what it is given."""
    raw = RawExport()
    type_, t, box = raw.sort(ONE), raw.const("T"), raw.const("Box")
    raw.define("Wrap", raw.pi(type_, type_), raw.lam(type_, raw.var(0)))
    functions = raw.pi(type_, type_)
    made = raw.app(box, raw.var(2), raw.var(1))
    ctor = raw.pi(functions, type_, raw.app(raw.var(1), raw.var(0)), made)
    raw.inductive(("Box", raw.pi(functions, type_, type_), [("Box.mk", ctor)]), arity=2)
    raw.inductive(("T", type_, [("T.mk", raw.pi(raw.app(box, raw.const("Wrap"), t), t))]))
    return used(raw)


def reduces_away() -> Export:
    """lean4#14582: it occurs with another parameter, in what reduction erases."""
    raw = RawExport()
    nat, type_, t = raw.const("Nat"), raw.sort(ONE), raw.const("T")
    erased = raw.app(raw.lam(type_, nat), raw.app(t, raw.expr("nat", "7")))
    raw.inductive(("T", raw.pi(nat, type_), [("T.mk", raw.pi(nat, erased, raw.app(t, raw.var(1))))]), arity=1)
    return used(raw)


def other_parameter() -> Export:
    """lean4#14582: it occurs with another parameter, in one that nesting drops."""
    raw = RawExport()
    nat, type_, t, ghost = raw.const("Nat"), raw.sort(ONE), raw.const("T"), raw.const("Ghost")
    raw.inductive(
        ("Ghost", raw.pi(type_, type_), [("Ghost.mk", raw.pi(type_, raw.app(ghost, raw.var(0))))]), arity=1
    )
    field = raw.app(ghost, raw.app(t, raw.expr("nat", "7")))
    raw.inductive(("T", raw.pi(nat, type_), [("T.mk", raw.pi(nat, field, raw.app(t, raw.var(1))))]), arity=1)
    return used(raw)


def other_levels() -> Export:
    """lean4#14582: it occurs at another universe level, in a parameter that nesting drops."""
    raw = RawExport()
    type_, ghost, u = raw.sort(ONE), raw.const("Ghost"), raw.param("u")
    raw.inductive(
        ("Ghost", raw.pi(type_, type_), [("Ghost.mk", raw.pi(type_, raw.app(ghost, raw.var(0))))]), arity=1
    )
    any_type = raw.sort(raw.level("succ", u))
    field = raw.app(ghost, raw.app(raw.const("T", ZERO), raw.const("Nat")))
    made = raw.app(raw.const("T", u), raw.var(1))
    raw.inductive(
        ("T", raw.pi(any_type, type_), [("T.mk", raw.pi(any_type, field, made))]), params=["u"], arity=1
    )
    return used(raw)


def sort_by_recursor() -> Export:
    """lean4#14807, the shape: the universe of the type is for a recursor to say."""
    raw = RawExport()
    two = raw.level("succ", ONE)
    boolean, type_ = raw.const("Bool"), raw.sort(ONE)
    rec = raw.const("Bool.rec", raw.level("succ", two))
    stuck = raw.app(rec, raw.lam(boolean, raw.sort(two)), type_, type_, raw.const("Bool.true"))
    raw.inductive(("T", stuck, [("T.mk", raw.const("T"))]))
    return used(raw)


def perhaps_a_proposition() -> Export:
    """lean4#14613: for one choice of its universe parameter, and with a field."""
    raw = RawExport()
    u = raw.param("u")
    any_sort = raw.sort(u)
    made = raw.app(raw.const("T", u), raw.var(1))
    raw.inductive(
        ("T", raw.pi(any_sort, any_sort), [("T.mk", raw.pi(any_sort, raw.var(0), made))]),
        params=["u"],
        arity=1,
    )
    return used(raw)


def reserved_name() -> Export:
    """lean4#14616: a name that the kernel gives to its own auxiliary types."""
    raw = RawExport()
    raw.define("_nested.T_1", raw.sort(ZERO), raw.const("True"))
    t = raw.const("T")
    raw.inductive(("T", raw.sort(ZERO), [("T.mk", raw.pi(raw.const("_nested.T_1"), t))]))
    return used(raw)


HOLES: dict[Callable[[], Export], tuple[str, Status]] = {
    coin: (FALSE, Status.KERNEL_REJECTED),
    ill_typed_parameter: (TRUE, Status.KERNEL_REJECTED),
    behind_a_definition: (TRUE, Status.UNSUPPORTED),
    behind_a_function: (TRUE, Status.UNSUPPORTED),
    behind_a_recursor: (TRUE, Status.UNSUPPORTED),
    in_a_nested_type: (TRUE, Status.UNSUPPORTED),
    reduces_away: (TRUE, Status.UNSUPPORTED),
    other_parameter: (TRUE, Status.UNSUPPORTED),
    other_levels: (TRUE, Status.UNSUPPORTED),
    sort_by_recursor: (TRUE, Status.UNSUPPORTED),
    perhaps_a_proposition: (TRUE, Status.UNSUPPORTED),
    reserved_name: (TRUE, Status.UNSUPPORTED),
}
