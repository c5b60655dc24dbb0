"""Theorems for a store, each with a statement of its own."""

from prover.theorem import Split, Theorem

__all__ = ["theorem"]


def theorem(
    name: str, claim: str = "", *, header: str = "", source: str = "mine", split: Split = "train"
) -> Theorem:
    claim = claim or f"(n : Nat) : n + {sum(name.encode())} = {sum(name.encode())} + n"
    return Theorem(name=name, statement=f"theorem {name} {claim}", header=header, source=source, split=split)
