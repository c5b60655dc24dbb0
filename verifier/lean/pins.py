"""The Lean and Mathlib that published provers and benchmarks were run on, and where each is said.

A proof that a prover writes is one for the Mathlib that it was trained with: in another one, lemmas have
other names and tactics other powers, and right proofs are refused.  None of these projects was built here.
"""

from dataclasses import dataclass
from difflib import get_close_matches

from verifier.errors import InvalidInput

__all__ = ["MATHLIB", "PINS", "Pin", "pin_named"]

MATHLIB = "https://github.com/leanprover-community/mathlib4"
"""Mathlib itself; a prover may have a fork of its own."""

_PROMPTED = """\
import Mathlib
import Aesop

set_option maxHeartbeats 0

open BigOperators Real Nat Topology Rat
"""


@dataclass(frozen=True)
class Pin:
    """One Lean with one Mathlib, and nothing else: Aesop and Batteries come with Mathlib."""

    name: str
    """As `proofmill lean project --for` takes it."""
    title: str
    """Whose it is."""
    lean: str
    """The version, as Lean's releases are tagged."""
    mathlib: str
    """A tag or commit of the repository `git`."""
    header: str
    """What the prover's prompts, or the benchmark's files, begin with."""
    source: str
    """Where the versions were read."""
    unseen: str = ""
    """What of this was not seen in a repository of its makers, and what stands for it."""
    git: str = MATHLIB
    """The repository of Mathlib, or of a fork."""
    commit: str = ""
    """The commit that the tag stood for where it was seen, if `mathlib` is a tag and it was."""


PINS = (
    Pin(
        name="deepseek-v1.5",
        title="DeepSeek-Prover-V1.5, and miniF2F and ProofNet as published with it",
        lean="v4.9.0-rc1",
        mathlib="2f65ba7f1a9144b20c8e7358513548e317d26de1",
        header=_PROMPTED,
        source="deepseek-ai/DeepSeek-Prover-V1.5: `.gitmodules` names the fork, its issue 21 the commit, "
        "`datasets/minif2f.jsonl` the header",
        unseen="The fork's own `lean-toolchain`: public set-ups of STP and of others that build it say "
        "4.9.0-rc1. One of them found none of its files in Mathlib's cache, another says that they are "
        "there; without them Mathlib is built, for hours.",
        git="https://github.com/xinhjBrant/mathlib4",
    ),
    Pin(
        name="deepseek-v2",
        title="DeepSeek-Prover-V2",
        lean="v4.9.0",
        mathlib="v4.9.0",
        header=_PROMPTED,
        source="deepseek-ai/DeepSeek-Prover-V2: `README.md` has the header and names no version",
        unseen="Both versions. Issue 21 of DeepSeek-Prover-V1.5 says that V2 needs Lean 4.9.0, others say "
        "4.9.0-rc2; some use Mathlib's tag for 4.9.0, as here, others the fork of `deepseek-v1.5`.",
        commit="f0957a7575317490107578ebaee9efaf8e62a4ab",
    ),
    Pin(
        name="goedel-v2",
        title="Goedel-Prover-V2",
        lean="v4.9.0-rc1",
        mathlib="2f65ba7f1a9144b20c8e7358513548e317d26de1",
        header=_PROMPTED,
        source="Goedel-LM/Goedel-Prover-V2: `README.md` says Lean 4.9 and the Mathlib of "
        "DeepSeek-Prover-V1.5, as a submodule, and has the header",
        unseen="Where the submodule points: public projects that read it say this commit of the fork of "
        "`deepseek-v1.5`, whose remarks hold here too.",
        git="https://github.com/xinhjBrant/mathlib4",
    ),
    Pin(
        name="kimina",
        title="Kimina-Prover",
        lean="v4.15.0",
        mathlib="v4.15.0",
        header=_PROMPTED,
        source="MoonshotAI/Kimina-Prover-Preview: `lake-manifest.json` and the files in "
        "`minif2f_test_solved`, and its issue 9; the default of Kimina Lean Server until January 2026",
        commit="9837ca9d65d9de6fad1ef4381750ca688774e608",
    ),
    Pin(
        name="kimina-server",
        title="Kimina Lean Server, its default since January 2026",
        lean="v4.26.0",
        mathlib="v4.26.0",
        header="import Mathlib\nimport Aesop\n",
        source="project-numina/kimina-lean-server: `server/settings.py`, pull request 71; `setup.sh` takes "
        "Mathlib's tag of the same name",
        unseen="A header: the server is sent whole files. This one is what its `Dockerfile` of 2025 keeps "
        "ready.",
    ),
    Pin(
        name="putnambench",
        title="PutnamBench",
        lean="v4.32.2",
        mathlib="v4.32.2",
        header="import Mathlib\n",
        source="trishullab/PutnamBench at commit 875229cc: `lean4/lean-toolchain`, `lean4/lakefile.lean`, "
        "`lean4/lake-manifest.json`; each problem opens namespaces of its own",
        unseen="Which version a published result is of: the benchmark moves on, from Lean 4.11 on, and a "
        "prover of that time wants the Lean of its own row.",
        commit="905b95818eb32af7874a58b427f50c1711a5e96c",
    ),
    Pin(
        name="latest",
        title="The newest release that was seen when this table was written",
        lean="v4.34.1",
        mathlib="v4.34.1",
        header="import Mathlib\n",
        source="public projects that pin it, of October 2026; of 4.35.0 only candidates were seen",
        commit="d13f23b723b8a846827a245b89c10fc7d3f11612",
    ),
)
"""All pins that have a name, the oldest Lean first."""


def pin_named(name: str) -> Pin:
    """The pin of a prover or benchmark.

    Raises:
        InvalidInput: there is none of this name.
    """
    known = {pin.name: pin for pin in PINS}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    meant = f" Is it {near[0]}?" if near else ""
    raise InvalidInput(f"no versions are known for {name!r}, only for {', '.join(known)}.{meant}")
