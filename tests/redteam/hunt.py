"""Judges the hijacks: each as a submission, and its export as data that an auditor is given.

What a hijack is worth is seen too: whether Lean itself takes the text without an
error, and whether the theorem in it has, name for name, the reference's type.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from verifier.errors import NoAnswer
from verifier.judging.pool import LeanPool
from verifier.judging.protocol import CheckReply, Export, audit_request, check_request
from verifier.judging.rules import judge_audit
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.verdict import Status, Submission

from .hijack import Hijack, hijacks_of, twins_of
from .primitives import STAND_IN, altered_headers
from .surface import Surface, Unprintable
from .zoo import Exhibit

__all__ = ["Hunted", "hunt", "with_name"]

HEARTBEATS = 200_000
HOLE = "Hijack.hole"


@dataclass(frozen=True)
class Hunted:
    """A hijack with what became of it."""

    hijack: Hijack
    is_accepted_by_lean: bool
    agrees_by_name: bool
    """Whether the candidate's theorem reads as the reference does, where no name is looked into."""
    statuses: dict[str, Status] = field(default_factory=dict)

    @property
    def is_false_accept(self) -> bool:
        return Status.PROVED in self.statuses.values()

    def __str__(self) -> str:
        statuses = ", ".join(f"{form}: {status}" for form, status in self.statuses.items())
        return f"hijack {self.hijack.id}: {statuses}"


def with_name(export: Export, stand_in: str, name: str) -> Export:
    """A copy of `export` in which what was called `stand_in`, a name of two parts, is called `name`."""
    export = copy.deepcopy(export)
    names = export["names"]
    above, last = stand_in.split(".")
    (first,) = (place for place, row in enumerate(names, start=1) if row == [0, above])
    (place,) = (place for place, row in enumerate(names, start=1) if row == [first, last])
    namespace, _, own = name.rpartition(".")
    if namespace:
        names[first - 1] = [0, namespace]
    names[place - 1] = [first if namespace else 0, own]
    return export


def with_reflexivity(export: Export) -> Export:
    """A copy of `export` in which `here`, an equation by the axiom `hole`, is said to hold by `Eq.refl`."""
    export = copy.deepcopy(export)
    surface, rows, names = Surface(export), export["exprs"], export["names"]
    called = {surface.name(decl["name"]): decl for decl in export["decls"] if "name" in decl}
    if HOLE not in called:
        return export
    export["decls"].remove(called[HOLE])
    left, right = rows[called["here"]["type"]][1:]
    equals, type_ = rows[rows[left][1]][1:]
    names.append([rows[equals][1], "refl"])
    rows += [
        ["const", len(names), *rows[equals][2:]],
        ["app", len(rows), type_],
        ["app", len(rows) + 1, right],
    ]
    called["here"]["value"] = len(rows) - 1
    return export


def with_borrowed(export: Export, name: tuple[str | int, ...]) -> Export:
    """A copy of `export` whose last declaration is proved by a constant called `name`, a row of its own."""
    export = copy.deepcopy(export)
    place = 0
    for part in name:
        export["names"].append([place, part])
        place = len(export["names"])
    export["exprs"].append(["const", place])
    export["decls"][-1]["value"] = len(export["exprs"]) - 1
    return export


class Hunt:
    """The hijacks of some exhibits, and the pool that judges them."""

    def __init__(self, pool: LeanPool, on_verdict: Callable[[], object]) -> None:
        self._pool = pool
        self._on_verdict = on_verdict
        self._references: dict[tuple[str, str], Export | None] = {}

    async def of(self, exhibit: Exhibit) -> list[Hunted]:
        found = list(altered_headers(exhibit))
        for twin in twins_of(exhibit):
            reference = await self._reference(exhibit.header, twin.statement)
            if reference is not None:
                found += hijacks_of(twin, reference)
        return await self.all(found)

    async def all(self, hijacks: Iterable[Hijack]) -> list[Hunted]:
        return [await self._judge(each) for each in hijacks]

    async def _check(self, header: str, statement: str, code: str) -> CheckReply:
        request = check_request(header, statement, code, heartbeats=HEARTBEATS, kernel=True)
        reply, _ = await self._pool.sets["screen"].ask(header, request, self._pool.options.timeout_s)
        return reply

    async def _reference(self, header: str, statement: str) -> Export | None:
        """The export of the statement with `sorry`, or None where the header is not read here."""
        key = (header, statement)
        if key not in self._references:
            try:
                reply = await self._check(header, statement, f"{statement}\n  := sorry")
            except NoAnswer:
                self._references[key] = None
            else:
                self._references[key] = reply.export
        return self._references[key]

    async def _judge(self, hijack: Hijack) -> Hunted:
        reference = await self._reference(hijack.header, hijack.statement)
        made_under, statement = hijack.header, hijack.statement
        if hijack.made_under is not None:
            # For the name alone: what it is compared with does not matter to what is exported.
            made_under, statement = hijack.made_under, f"theorem {hijack.name} : ∀ p : Prop, p → p"
        reply = await self._check(made_under, statement, hijack.code)
        export = reply.export
        if export is not None:
            export = _patched(hijack, export)
        statuses = {}
        if export is not None:
            statuses["export"] = await self._status(self._audit(hijack, export))
        if hijack.takes is None and not hijack.borrows:
            statuses["text"] = await self._verify(hijack, hijack.code)
            if hijack.header:
                statuses["whole file"] = await self._verify(hijack, f"{hijack.header}\n\n{hijack.code}")
        self._on_verdict()
        return Hunted(
            hijack,
            is_accepted_by_lean=reply.export is not None,
            agrees_by_name=export is not None
            and reference is not None
            and _claim(export, hijack.name) == _claim(reference, hijack.name),
            statuses=statuses,
        )

    async def _audit(self, hijack: Hijack, export: Export) -> Status:
        request = audit_request(hijack.header, hijack.statement, export)
        reply, _ = await self._pool.sets["audit"].ask(hijack.header, request, self._pool.options.timeout_s)
        return judge_audit(reply)[0]

    async def _verify(self, hijack: Hijack, code: str) -> Status:
        submission = Submission(
            id=f"hijack/{hijack.id}", statement=hijack.statement, header=hijack.header, code=code
        )
        return (await self._pool.verify(submission)).status

    async def _status(self, asked: Awaitable[Status]) -> Status:
        try:
            return await asked
        except NoAnswer as error:
            return error.status


def _patched(hijack: Hijack, export: Export) -> Export:
    if hijack.takes is not None:
        return with_name(export, STAND_IN, hijack.takes)
    if hijack.borrows:
        return with_borrowed(export, hijack.borrows)
    return with_reflexivity(export)


def _claim(export: Export, name: str) -> str | None:
    """The type of the declaration called `name`, spelled out."""
    surface = Surface(export)
    for decl in export["decls"]:
        try:
            if "name" in decl and surface.name(decl["name"]) == name:
                return surface.term(decl["type"])
        except Unprintable:
            continue
    return None


async def hunt(
    runtime: LeanRuntime,
    exhibits: Iterable[Exhibit],
    own: Sequence[Hijack] = (),
    *,
    workers: int = 2,
    on_verdict: Callable[[], object] = lambda: None,
) -> list[Hunted]:
    """Every hijack of `exhibits`, and those that are no exhibit's, each judged in all its forms."""
    async with LeanPool(runtime, workers=workers, options=Options(timeout_s=60)) as pool:
        hunters = Hunt(pool, on_verdict)
        groups = [*(hunters.of(each) for each in exhibits), hunters.all(own)]
        return [each for group in await asyncio.gather(*groups) for each in group]
