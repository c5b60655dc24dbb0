"""The Python of the README does what it says."""

import re
import subprocess
import sys

import pytest

from tests.support.places import ROOT
from verifier.lean.runtime import LeanRuntime


@pytest.mark.e2e
def test_the_python_of_the_readme_judges_a_proof(lean_runtime: LeanRuntime) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    ran = subprocess.run(
        (sys.executable, "-c", program), check=False, capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert ran.stdout == "proved `t` is proved\n", ran.stderr
