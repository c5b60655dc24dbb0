"""One source for every Lean: each way to say it that this Lean has elaborates, and no other part needs
one.
"""

import re
from pathlib import Path

import pytest

from verifier.lean import source
from verifier.lean.install import EmbeddedLean, find_embedded_lean
from verifier.lean.source import PARTS, script_source

LEAN = Path(source.__file__).parent

VERSION_BOUND = (
    r"String\.Pos|rawEndPos|\.extract\b|endPos :=|inputString",
    r"importAll :=|isExported|isMeta|runtimeOnly|HeaderSyntax|loadExts",
    r"snapshotTasks|isInternalDetail|IO\.setNumHeartbeats",
    r"Kernel\.Exception|KernelException|addDeclCore|addDecl\b",
    r"``Lean\.(ofReduce|trustCompiler|reduce)",
    r"\.setNat\b|opts\.set\b|opts\.find|let ctor :=",
    r"HashMap|RBMap|RBNode|TreeMap|Substring|String\.Slice|withImportModules|setExporting",
)
"""Names that Lean had under others, with other arguments or not at all between 4.9 and 4.36."""

UNDERSTOOD = {
    "inputContextImpl": [True, True],
    "takeText": [True, True],
    "importAll": [True, True],
    "numberSet?": [False, True],
    "setNumber": [True, True],
    "KernelError": [True, False],
    "restartHeartbeats": [True, True],
    "addToKernel": [False, True, False],
}
"""Which ways the embedded Lean elaborates, the newest first."""


def without_comments(text: str) -> str:
    text = re.sub(r"/-.*?-/", "", text, flags=re.DOTALL)
    return re.sub(r"--.*", "", text)


@pytest.mark.parametrize("part", [part for part in PARTS if part != "AnyLean"])
def test_only_one_part_uses_what_changed_between_versions(part: str) -> None:
    text = without_comments((LEAN / f"{part}.lean").read_text("utf-8"))
    assert [found.group() for names in VERSION_BOUND for found in re.finditer(names, text)] == []


def ways() -> dict[str, list[str]]:
    """For each definition with a choice, the definition with each of its ways alone."""
    text = without_comments((LEAN / "AnyLean.lean").read_text("utf-8"))
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=@\[|def |abbrev )", text):
        if "  first\n" not in block:
            continue
        head, choices = block.split("  first\n")
        named = re.search(r"(?:def|abbrev) (\S+)", head)
        assert named, head
        found[named[1]] = [
            head + "    " + way.rstrip() + "\n"
            for way in re.split(r"^  \| ", choices, flags=re.MULTILINE)[1:]
        ]
    return found


def test_each_way_that_this_lean_has_elaborates_and_the_first_of_them_compiles(
    lean_runtime: object,
) -> None:
    install = find_embedded_lean()
    assert install is not None
    said = elaborate(install, ways())
    assert said == UNDERSTOOD


def elaborate(install: EmbeddedLean, choices: dict[str, list[str]]) -> dict[str, list[bool]]:
    """Whether each way elaborates, each in a namespace of its own; what `KernelError` is, all know."""
    lines = ["import Lean", "open Lean Elab"]
    starts: list[tuple[int, str]] = []
    for name, each_way in choices.items():
        for index, way in enumerate(each_way):
            # Whether it elaborates is asked, not whether it compiles.
            block = ["namespace W" + name + str(index), "noncomputable section"]
            block += ["abbrev KernelError := Kernel.Exception"] if name != "KernelError" else []
            block += [*way.split("\n"), "end", "end W" + name + str(index)]
            starts.append((len(lines) + 1, name))
            lines += block
    script = install.root / "Ways.lean"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        ran = install.run(str(script), timeout_s=120)
    finally:
        script.unlink()
    wrong = {int(line) for line in re.findall(r"Ways\.lean:(\d+):\d+: error", ran.stdout)}
    understood: dict[str, list[bool]] = {}
    for (start, name), (end, _) in zip(starts, [*starts[1:], (len(lines) + 1, "")], strict=True):
        understood.setdefault(name, []).append(not any(start <= line < end for line in wrong))
    return understood


def test_the_worker_stands_in_a_namespace_of_its_own() -> None:
    text = script_source()
    assert text.startswith("import Lean\nnamespace Proofmill\n")
    assert text.index("end Proofmill") > text.index("def runWorker")
