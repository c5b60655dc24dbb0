"""The curriculum policies by the name that `curriculum.policy` has in the settings: one line each.

To add one, write its module with a `PolicyKind`, and name it here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

__all__ = ["POLICIES", "PolicyName"]

POLICIES: Mapping[str, str] = {
    "informative": "trainer.curriculum.policies.informative:INFORMATIVE",
    "uniform": "trainer.curriculum.policies.rules:UNIFORM",
    "easiest_dependency_depth": "trainer.curriculum.policies.rules:EASIEST_DEPENDENCY_DEPTH",
    "easiest_proof_length": "trainer.curriculum.policies.rules:EASIEST_PROOF_LENGTH",
    "easiest_lemmas_used": "trainer.curriculum.policies.rules:EASIEST_LEMMAS_USED",
    "easiest_statement_size": "trainer.curriculum.policies.rules:EASIEST_STATEMENT_SIZE",
    "easiest_quantifiers": "trainer.curriculum.policies.rules:EASIEST_QUANTIFIERS",
    "variance": "trainer.curriculum.policies.rules:VARIANCE",
    "thompson": "trainer.curriculum.policies.rules:THOMPSON",
    "matchmaker": "trainer.curriculum.policies.rules:MATCHMAKER",
}

if TYPE_CHECKING:
    PolicyName = str
else:
    PolicyName = Literal[tuple(POLICIES)]
