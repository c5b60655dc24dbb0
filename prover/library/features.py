"""Difficulty features: what makes a theorem likely to be hard, in numbers; pure.

What the source has is known: the statement always, the proof where there is one.  The rest is estimated, and
`Features.estimated` names it.  Sizes count tokens of the text that `prover.syntax.normalise` gives, so
neither spaces nor comments nor the names of bound variables change them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from prover.syntax.normalise import blank_comments, normalise
from prover.theorem import Theorem

__all__ = ["FEATURES", "FeatureTable", "Features", "features_of", "lemmas_of", "normal_form"]

FEATURES: tuple[str, ...] = (
    "dependency_depth",
    "proof_length",
    "lemmas_used",
    "statement_size",
    "quantifiers",
)
"""The numeric features, in the order of every table of them."""


class Features(BaseModel):
    """The features of one theorem."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dependency_depth: int = Field(ge=0)
    """The longest chain of declarations, each resting on the next, below this one; 0 rests on none.

    Estimated: as far as the header declares them, and below that one for each namespace a name stands in.
    """
    proof_length: int = Field(ge=0)
    """Tokens of the proof.  Estimated: 12, and 4 for each lemma used, as supervised families have them."""
    lemmas_used: int = Field(ge=0)
    """Different lemmas and definitions that the proof names.  Estimated: those that the statement names."""
    statement_size: int = Field(ge=0)
    """Tokens of the statement, without `theorem` and the name."""
    quantifiers: int = Field(ge=0)
    """Names that the statement binds: in its signature, and by quantifiers, `fun`, sums and their kin."""
    family: str
    estimated: frozenset[str] = frozenset()
    """The names of the fields that are not from the source."""

    def with_known(self, **values: int) -> Self:
        """Replace numbers by those that the source has."""
        return type(self).model_validate(
            {**self.model_dump(), **values, "estimated": self.estimated - values.keys()}
        )


@dataclass(frozen=True)
class FeatureTable:
    """The features of many theorems as columns, by index."""

    dependency_depth: NDArray[np.float32]
    proof_length: NDArray[np.float32]
    lemmas_used: NDArray[np.float32]
    statement_size: NDArray[np.float32]
    quantifiers: NDArray[np.float32]
    family: NDArray[np.int32]
    """The theorems' families, as places in `families`."""
    families: tuple[str, ...]

    @classmethod
    def of(cls, rows: Iterable[Features]) -> Self:
        """Make a table of rows; families are in the order in which they first come."""
        families: dict[str, int] = {}
        kept = list(rows)
        numbers = np.array([[getattr(row, name) for name in FEATURES] for row in kept], np.float32)
        codes = np.array([families.setdefault(row.family, len(families)) for row in kept], np.int32)
        columns = dict(zip(FEATURES, numbers.reshape(len(kept), len(FEATURES)).T, strict=True))
        return cls(**columns, family=codes, families=tuple(families))

    def __len__(self) -> int:
        return len(self.family)

    def column(self, name: str) -> NDArray[np.float32]:
        """One of `FEATURES`.  Raises KeyError for anything else."""
        if name not in FEATURES:
            raise KeyError(name)
        column: NDArray[np.float32] = getattr(self, name)
        return column


@lru_cache(maxsize=16)
def normal_form(text: str) -> str:
    """Normalise a text, with the last results remembered: nothing else here takes as long."""
    return normalise(text)


def features_of(theorem: Theorem, proof: str | None = None) -> Features:
    """The features of a theorem, with those of its proof (what follows `:=`) where it is given."""
    statement = normal_form(theorem.statement).split()
    named = _named(statement, theorem.header)
    used = named if proof is None else lemmas_of(theorem, proof)
    return Features(
        dependency_depth=_depth(named | used, theorem.header),
        proof_length=12 + 4 * len(used) if proof is None else len(normal_form(proof).split()),
        lemmas_used=len(used),
        statement_size=len(statement),
        quantifiers=len({token for token in statement if token[0] == "«" and _BOUND.fullmatch(token)}),
        family=theorem.family,
        estimated=_GUESSED if proof is None else _GUESSED_WITH_PROOF,
    )


def lemmas_of(theorem: Theorem, proof: str) -> frozenset[str]:
    """The lemmas and definitions that a proof names, as it names them.

    What a tactic finds by itself (`simp` in its set of lemmas) is not named.  A name counts where it stands
    in a namespace, has an underscore as lemmas do and tactics seldom, or is declared by the header; names
    that the statement or the proof itself introduces do not.
    """
    introduced = " ".join(tactic or case for tactic, case in _INTRODUCING.findall(blank_comments(proof)))
    # In one text with the statement, whose bound names reach into the proof and are renamed there.
    tokens = normal_form(f"{theorem.statement} := {proof}").split()
    start = len(normal_form(theorem.statement).split()) + 1
    return _named(tokens[start:], theorem.header, frozenset(_NAME.findall(introduced)))


_GUESSED = frozenset({"dependency_depth", "proof_length", "lemmas_used"})
_GUESSED_WITH_PROOF = frozenset({"dependency_depth"})

_BOUND = re.compile(r"«\d+»")
_NAME = re.compile(r"[^\W\d][\w'!?]*(?:\.[\w'!?]+)*")
_INTRODUCING = re.compile(
    r"\b(?:intros?|rintro|obtain|have|haveI|let|set|suffices|with|generalize|by_cases|by_contra|rename_i|at|ext)\b"
    r"([^\n;:=<>)}]*)"
    r"|\|([^\n=:]*)=>"  # the names of a case
)
"""What stands between a word that introduces names and the end of its list."""
_DECLARED = re.compile(
    r"^(?:(?:private|protected|noncomputable|partial|unsafe|local|scoped|@\[[^\]]*\])\s+)*"
    r"(?:def|abbrev|theorem|lemma|inductive|structure|class|axiom|opaque)\s+([^\s({\[:]+)",
    re.MULTILINE,
)
_WORDS = frozenset(
    {"all_goals", "any_goals", "apply_assumption", "apply_fun", "apply_mod_cast", "apply_rules"}
    | {"assumption_mod_cast", "bv_decide", "bv_omega", "by_cases", "by_contra", "conv_lhs", "conv_rhs"}
    | {"exact_mod_cast", "false_or_by_contra", "field_simp", "fin_cases", "fun_cases", "fun_induction"}
    | {"interval_cases", "linear_combination", "native_decide", "norm_cast", "norm_num", "nth_rewrite"}
    | {"nth_rw", "pull_cast", "push_cast", "push_neg", "rename_i", "ring_nf", "rw_mod_cast", "rwa_mod_cast"}
    | {"set_option", "simp_all", "simp_all_arith", "simp_arith", "simp_rw", "simp_wf", "solve_by_elim"}
    | {"split_ands", "split_ifs"}
)
"""Words of Lean's and Mathlib's tactics that look like names of lemmas."""


def _named(tokens: Iterable[str], header: str, introduced: frozenset[str] = frozenset()) -> frozenset[str]:
    """The names among tokens that stand for lemmas or definitions."""
    declared = _declared(header)
    likely = (token for token in tokens if "." in token or "_" in token or token in declared)
    return frozenset(
        name
        for name in (_whole(token) for token in likely if _NAME.fullmatch(token))
        if name.partition(".")[0] not in introduced
        and name not in _WORDS
        and ("." in name or "_" in name.strip("_") or name in declared)
    )


def _whole(token: str) -> str:
    """A name without fields that are asked of it: `mul_comm.symm` is `mul_comm`, `Nat.le.symm` itself.

    Namespaces start with a capital; what does not is a term.
    """
    return token if token[0].isupper() else token.partition(".")[0]


def _depth(names: Iterable[str], header: str) -> int:
    declared = _declared(header)
    return max((declared.get(name, name.count(".")) for name in names), default=0)


@lru_cache(maxsize=64)
def _declared(header: str) -> Mapping[str, int]:
    """The names that a header declares, with the length of the longest chain of declarations below them."""
    text = blank_comments(header)
    depths: dict[str, int] = {}
    found = list(_DECLARED.finditer(text))
    stops = [*(match.start() for match in found[1:]), len(text)]
    for match, stop in zip(found, stops, strict=False):
        body = text[match.end() : stop]
        # A declaration rests on what stands above it; its own name is no chain.
        below = [depths[name] for name in _NAME.findall(body) if name in depths]
        depths[match.group(1)] = 1 + max(below, default=0)
    return depths
