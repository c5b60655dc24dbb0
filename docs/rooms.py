"""The rooms of the three packages, the order in which they may import each other, and what they do import.

A room is a folder of a package or a module beside these folders.  The face of a package is its `__init__.py`:
what others are meant to import.  `tests/test_house.py` holds the order, and `docs/drawings.py` draws it.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

__all__ = ["ORDER", "ROOT", "imports", "modules", "place_of", "purposes", "room_imports", "room_of"]

ROOT = Path(__file__).resolve().parent.parent

ORDER: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "trainer": (
        {"__init__": "what users import", "cli": "the `proofmill` command, over all three packages"},
        {
            "bench": "how fast a step, the streams and the curriculum are",
            "simulation": "curriculum policies on learners that are simulated or recorded",
            "experiments": "the demo, and comparisons of ways to learn",
        },
        {"search": "what searches teach: tactics of proofs, and a value network"},
        {"run": "one training run: rounds, books, checkpoints, the files of a run"},
        {"launch": "the processes of a run on this machine, started and watched"},
        {"config": "the settings of a run"},
        {"learners": "one way to learn a file: policy gradients, PPO, DPO, TRPO, expert iteration, ranker"},
        {"model": "the policy as a torch model: batches, optimizer, LoRA, several processes"},
        {
            "objectives": "losses, advantages and credit by tactic; pure",
            "curriculum": "which theorems are tried next, and why",
            "sections": "the settings that more processes of a run read than its trainer",
        },
        {"rollout": "an attempt with its verdict and reward"},
    ),
    "prover": (
        {"__init__": "what users import", "cli": "`proofmill store`"},
        {
            "evaluation": "a prover measured on a benchmark, with intervals",
            "conjectures": "theorems made of others, and negations",
        },
        {"search": "proofs found goal by goal: one tree, and what proposes tactics"},
        {
            "sources": "theorems read from JSONL, Lean files and LeanDojo",
            "generators": "what samples attempts: transformers or vLLM, in a process of its own",
        },
        {
            "families": "theorems that core Lean can state and prove, generated",
            "formats": "how a model is asked, and what of its answer is judged",
        },
        {
            "pages": "the look of the pages of results",
            "library": "the store of theorems, with features and lineage",
        },
        {
            "syntax": "what the text of a statement says, without Lean",
            "theorem": "a theorem, and an attempt at it",
            "registry": "choices by name: one file and one line each",
        },
    ),
    "verifier": (
        {
            "__init__": "what users import",
            "cli": "`proofmill verify`, `audit`, `serve`, `doctor` and the benches of the verifier",
        },
        {"doctor": "an examination of this machine and of a Lean: proofs, cheats, limits"},
        {
            "server": "the HTTP API: keys, fair queue, metrics, Kimina's routes",
            "streams": "numbered messages over Redis or Valkey, and the worker that judges what arrives",
        },
        {"judging": "from a submission to a verdict: rules, workers, audit, certificate, cache"},
        {"lean": "the Lean side of a worker, the embedded Lean, and the known holes of kernels"},
        {"sandbox": "what confines a candidate"},
        {"options": "limits and options of a check"},
        {
            "client": "a client of the HTTP API",
            "proof_text": "the text of a proof that was found step by step",
            "settings": "models that TOML, the command line and the tables of docs/ are read from",
            "jsonl": "submissions and verdicts as lines of JSON",
            "console": "what commands print for people",
        },
        {
            "errors": "the errors that more than one room raises",
            "faces": "names of a package that are imported when they are asked for",
            "version": "the version that is installed",
        },
        {
            "verdict": "submission, verdict, and its three kinds",
            "tactic_state": "the goals of a proof in progress, and what tactics made of them",
        },
    ),
}
"""The floors of each package, the highest first, with what each room is for.

A room imports what is on lower floors, and nothing else of its package.  A package imports those that stand
after it here, any room of theirs."""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """The modules of the three packages with their files; packages are named without `__init__`."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ORDER
        for path in sorted((root / package).rglob("*.py"))
    }


def room_of(module: str) -> str:
    """`trainer.run.daemon` is of the room `trainer.run`; `verifier` itself is `verifier.__init__`."""
    package, _, rest = module.partition(".")
    return f"{package}.{rest.partition('.')[0] or '__init__'}"


def imports(module: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules among `known` that a module imports anywhere in its text."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            # `from package import module` imports the module.  `__version__` is what a face begins with.
            inside = [f"{source}.{alias.name}" for alias in node.names if alias.name != "__version__"]
            names = [name if name in known else source for name in inside]
        else:
            continue
        yield from (name for name in names if name in known)


@cache
def room_imports(root: Path = ROOT) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """For each room the rooms that it imports, with the modules on both sides."""
    known = modules(root)
    found: dict[str, dict[str, list[tuple[str, str]]]] = {room_of(module): {} for module in known}
    for module, path in known.items():
        for imported in imports(module, path, known):
            if room_of(imported) != room_of(module):
                pairs = found[room_of(module)].setdefault(room_of(imported), [])
                if (module, imported) not in pairs:
                    pairs.append((module, imported))
    return found


def place_of(room: str) -> tuple[int, int] | None:
    """How far down a room stands: its package, then its floor; None if the order does not name it."""
    package, _, name = room.partition(".")
    for floor, rooms in enumerate(ORDER[package]):
        if name in rooms:
            return list(ORDER).index(package), floor
    return None


def purposes() -> dict[str, str]:
    """What each room of the order is for."""
    return {
        f"{package}.{name}": purpose
        for package, floors in ORDER.items()
        for rooms in floors
        for name, purpose in rooms.items()
    }
