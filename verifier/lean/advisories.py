"""Known holes of Lean's kernel, by version: what each needs, and what guards against it here.

`proved` means that a kernel accepted a term, so it is worth what that kernel is worth.  Every Lean before
4.33.1 accepts a proof of `False` in some of these ways.  The table is the one of docs/soundness.md; the
guards are in `verifier/lean/Plain.lean`, which decides by the same versions.
"""

import re
from dataclasses import dataclass

__all__ = ["ADVISORIES", "Advisory", "advisories_of", "release_of", "why_refused"]

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([a-z]+)(\d*))?")

Key = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Advisory:
    """One hole of the kernel."""

    id: str
    """Its number as an issue or pull request of leanprover/lean4."""
    title: str
    """What goes wrong."""
    fixed: tuple[str, ...]
    """The first good version of each line of releases; every version after the last one is good."""
    needs: str
    """What a proof needs to use it."""
    guard: str
    """What keeps a proof from using it here."""


_RECURSION_FIXED = ("4.33.1", "4.34.0-rc2")

ADVISORIES = (
    Advisory(
        "lean4#14484",
        "a free variable stays behind in the type checker's memory (fixed by #14498)",
        ("4.32.1", "4.33.0-rc2"),
        "code that runs in the kernel's process",
        "the auditor runs no candidate, and an export has no way to write a free variable",
    ),
    Advisory(
        "lean4#14576",
        "parameters of a nested occurrence are not type-checked (fixed by #14577)",
        ("4.32.2", "4.33.0-rc2"),
        "an inductive type nested in another that ignores a parameter",
        "constructor types are checked as types of scratch axioms first",
    ),
    Advisory(
        "lean4#14582",
        "a type may occur in itself with other parameters or universe levels",
        _RECURSION_FIXED,
        "an occurrence that reduction erases, or in a parameter that nesting drops",
        "occurrences are with exactly the declared parameters and levels",
    ),
    Advisory(
        "lean4#14613",
        "`Sort (imax 1 0)` is not seen to be `Prop`",
        ("4.33.0-rc2",),
        "a universe level that is zero without being written as zero",
        "levels are normalised when they are read; no type with fields is a proposition for some levels only",
    ),
    Advisory(
        "lean4#14616",
        "declarations may use the names of the kernel's own auxiliary types",
        ("4.33.0-rc2",),
        "a name with a part that begins with `_nested`",
        "such names are refused",
    ),
    Advisory(
        "lean4#14806",
        "what counts as equal depends on what was compared before",
        _RECURSION_FIXED,
        "a field of which reduction decides whether it is recursive, or a universe that it decides",
        "fields are recursive as written, also in the types that they are nested in; universes are literal",
    ),
    Advisory(
        "lean4#14807",
        "a universe that does not reduce is taken for one of data",
        _RECURSION_FIXED,
        "an inductive type whose universe has to be reduced for",
        "types end in a literal `Sort`; projections are of such types only",
    ),
    Advisory(
        "lean4#14833",
        "GMP before 6.3 computes wrong results in corner cases",
        _RECURSION_FIXED,
        "arithmetic on very large numerals, in a Lean that is linked with it",
        "numerals have at most a million bits; results are not bounded",
    ),
    Advisory(
        "lean4#14838",
        "a reference count overflows",
        _RECURSION_FIXED,
        "18 GB of memory",
        "the limit on a worker's memory",
    ),
    Advisory(
        "lean4#14849",
        "the size of a natural number overflows",
        _RECURSION_FIXED,
        "numbers of gigabytes",
        "the limit on a worker's memory",
    ),
    Advisory(
        "lean4#15241",
        "an object whose reference count was frozen is released after all",
        ("4.34.1",),
        "18 GB of memory",
        "the limit on a worker's memory",
    ),
    Advisory(
        "lean4#15289",
        "a shared part of a term gains too many references",
        ("4.34.1",),
        "100 GB of memory",
        "the limit on a worker's memory",
    ),
)
"""All known holes, by number."""


def advisories_of(version: str) -> tuple[Advisory, ...]:
    """The known holes of a Lean; text may stand after its version, as in `4.28.0-pre (38f3c0c4)`.

    A version that cannot be read has all of them: nothing is known to be fixed in it.
    """
    match = _VERSION.match(version)
    if match is None:
        return ADVISORIES
    key = _key(match)
    return tuple(advisory for advisory in ADVISORIES if not _is_fixed(key, advisory.fixed))


def release_of(version: str) -> tuple[int, int, int] | None:
    """The numbers of a version, without what stands behind them; None where it has none."""
    match = _VERSION.match(version)
    return None if match is None else _key(match)[:3]


def why_refused(version: str) -> str | None:
    """Why proofs cannot be judged on a Lean at all, if so."""
    if release_of(version) != (4, 20, 0):
        return None
    return (
        "Lean 4.20.0 cannot be used: what its kernel has accepted is not found by name "
        "(leanprover/lean4#8610). Take 4.20.1"
    )


def _is_fixed(key: Key, fixed: tuple[str, ...]) -> bool:
    """A backport mends its own line of releases; the last of `fixed` mends all that come after it."""
    firsts = [_key_of(version) for version in fixed]
    return key >= firsts[-1] or any(key[:2] == first[:2] and key >= first for first in firsts)


def _key_of(version: str) -> Key:
    match = _VERSION.match(version)
    assert match is not None, version
    return _key(match)


def _key(match: re.Match[str]) -> Key:
    """Orders versions: development before the candidates of a release, and these before the release."""
    major, minor, patch = (int(match[part]) for part in (1, 2, 3))
    if match[4] is None:
        return major, minor, patch, 2, 0
    if match[4] == "rc":
        return major, minor, patch, 1, int(match[5] or 0)
    return major, minor, patch, 0, 0
