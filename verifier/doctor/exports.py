"""Cheats as data: exports that no Lean made, which no version can fail to compile, and spoiled ones."""

import random
from collections.abc import AsyncIterator

from verifier.doctor.checks import Check
from verifier.doctor.corpus import read_case
from verifier.doctor.holes import HOLES
from verifier.doctor.patient import Patient
from verifier.doctor.raw_export import MUTATIONS, ONE, ZERO, RawExport, spoiled
from verifier.judging.protocol import Export
from verifier.verdict import Status

__all__ = ["FORGERIES", "examine_exports"]

WRONG = "theorem t : (1 : Nat) = 2"
SPOILED = 100
MOST_DEPTH = 4_000
DEPTHS = (3_900, 4_100, 100_000)


def _wrong_type(raw: RawExport) -> int:
    """The type `1 = 2`."""
    one, two = raw.expr("nat", "1"), raw.expr("nat", "2")
    return raw.app(raw.const("Eq", ONE), raw.const("Nat"), one, two)


def _reflexivity(raw: RawExport) -> int:
    return raw.app(raw.const("Eq.refl", ONE), raw.const("Nat"), raw.expr("nat", "1"))


def _ill_typed() -> Export:
    """A proof of `1 = 1` in the place of one of `1 = 2`."""
    raw = RawExport()
    raw.theorem("t", _wrong_type(raw), _reflexivity(raw))
    return raw.export


def _sum_declared_again() -> Export:
    """`Nat.add` is declared anew, and the statement is proved of that."""
    raw = RawExport()
    nat = raw.const("Nat")
    raw.define("Nat.add", raw.pi(nat, nat, nat), raw.lam(nat, nat, raw.expr("nat", "2")))
    raw.theorem("t", _wrong_type(raw), _reflexivity(raw))
    return raw.export


def _free_variable() -> Export:
    """A variable that no binder binds."""
    raw = RawExport()
    raw.theorem("t", _wrong_type(raw), raw.var(0))
    return raw.export


def _loop() -> Export:
    """An expression that has itself as a part."""
    raw = RawExport()
    type_ = _wrong_type(raw)
    place = raw.var(0)
    raw.theorem("t", type_, raw.expr("app", place, place + 1))
    return raw.export


def _own_axiom() -> Export:
    """`False` as an axiom under an allowed name."""
    raw = RawExport()
    raw.define("propext", raw.const("False"), raw.const("False"), kind="axiom")
    value = raw.app(raw.const("False.elim", ZERO), _wrong_type(raw), raw.const("propext"))
    raw.theorem("t", _wrong_type(raw), value)
    return raw.export


def _circular() -> Export:
    """A theorem by itself."""
    raw = RawExport()
    raw.theorem("t", _wrong_type(raw), raw.const("t"))
    return raw.export


FORGERIES = {
    "ill-typed value": _ill_typed,
    "Nat.add declared again": _sum_declared_again,
    "free variable": _free_variable,
    "loop in the tables": _loop,
    "axiom under an allowed name": _own_axiom,
    "theorem by itself": _circular,
}
"""What a process that lies may hand to the auditor as a proof of `1 = 2`."""


async def examine_exports(patient: Patient) -> AsyncIterator[Check]:
    """Forged, dangerous and spoiled exports: the auditor accepts none, and goes on."""
    for name, make in FORGERIES.items():
        status, reason = await patient.audit(WRONG, make())
        yield Check(f"forged: {name}", _is_refused(status), status, reason[:200])
    for hole, (statement, _) in HOLES.items():
        status, reason = await patient.audit(statement, hole())
        proves = "THIS KERNEL PROVES FALSE: " if status is Status.PROVED else ""
        title = " ".join((hole.__doc__ or "").split()).partition(":")[0]
        name = f"kernel hole: {hole.__name__.replace('_', ' ')}"
        yield Check(name, _is_refused(status), status, f"{proves}{title}: {reason[:160]}")
    for depth in DEPTHS:
        yield await _deep(patient, depth)
    yield await _spoiled(patient)


async def _deep(patient: Patient, depth: int) -> Check:
    """A term nested as deeply as a kernel is shown, or so deeply that walking it would end the process."""
    raw = RawExport()
    type_ = _wrong_type(raw)
    place = raw.expr("nat", "1")
    successor = raw.const("Nat.succ")
    for _ in range(depth):
        place = raw.expr("app", successor, place)
    raw.theorem("t", type_, place)
    before = patient.pool.auditor_pids
    status, reason = await patient.audit(WRONG, raw.export)
    lives = set(patient.pool.auditor_pids) <= set(before)
    expected = Status.KERNEL_REJECTED if depth < MOST_DEPTH else Status.RESOURCE_EXHAUSTED
    return Check(f"a term {depth:,} deep", lives and status is expected, status, reason[:120])


def _is_refused(status: Status) -> bool:
    """Whether an auditor has refused it; one that died of it has refused nothing."""
    return status not in (Status.PROVED, Status.CRASHED, Status.TIMEOUT)


async def _spoiled(patient: Patient) -> Check:
    """Random edits of a good export: never a proof of another statement."""
    name = "spoiled exports"
    case = read_case("proofs", "core/omega")
    export = await patient.export_of(case.submission.statement, case.submission.code or "")
    if export is None:
        return Check(name, False, "0", "Lean did not elaborate what was to be spoiled")
    draw = random.Random(0)
    proved = 0
    for seed in range(SPOILED):
        edits = [draw.randrange(len(MUTATIONS)) for _ in range(draw.randint(1, 4))]
        status, _ = await patient.audit(WRONG, spoiled(export, edits, seed))
        proved += status is Status.PROVED
    status, reason = await patient.audit(case.submission.statement, export)
    if status is not Status.PROVED:
        return Check(name, False, f"{SPOILED} judged", f"the unspoiled one is {status}: {reason[:160]}")
    return Check(
        name, not proved, f"{SPOILED - proved} of {SPOILED} refused", "random edits of a good export"
    )
