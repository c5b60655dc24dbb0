"""Growing a store, on the real Lean: unsolved theorems gain children, once, and nothing else is touched."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prover.cli import store_app
from prover.conjectures.check import Fate
from prover.conjectures.conjecturer import Conjecturer, conjecture_prompt
from prover.conjectures.grow import conjecturer_pairs, grow
from prover.conjectures.variations import Variations
from prover.generators.base import Sample, SamplingParams
from prover.library.records import JudgedAttempt
from prover.library.store import TheoremStore
from prover.library.training_set import TrainingSet
from prover.theorem import Split, Theorem
from trainer.cli import worker
from trainer.config import RunConfig, load_config, run_config
from trainer.launch.supervisor import Child
from trainer.launch.up import run_children
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Status

HARD = "(a b : Nat) (h : a * a = 2 * (b * b)) : b = 0"
TRIED = "by\n  have step : a * a = b * b + b * b := by omega\n  omega"


def tried(store: TheoremStore, name: str, claim: str = HARD, *, split: Split = "train") -> int:
    """A theorem that eight attempts did not prove."""
    theorem = Theorem(name=name, statement=f"theorem {name} {claim}", source="mine", split=split)
    index = store.add(theorem).index
    store.record(
        JudgedAttempt(
            id=f"{name}/{number}", theorem=index, policy_version=0, proof=TRIED, status=Status.REJECTED
        )
        for number in range(8)
    )
    return index


async def test_an_unsolved_theorem_gains_children_with_their_lineage_once(
    store: TheoremStore, pool: LeanPool
) -> None:
    hard = tried(store, "root_two")
    evaluated = tried(store, "measured", "(a b : Nat) (h : a * a = 3 * (b * b)) : b = 0", split="test")
    training = TrainingSet(store)
    growth = await grow(store, pool, [Variations()], attempts=8, limit=4)
    assert growth.unsolved == 1
    assert len(growth.added) == sum(each.fate is Fate.KEPT for each in growth.results) >= 2
    children = store.children_of(hard)
    assert [store.theorem(child).name for child, _ in children] == list(growth.added)
    assert "specialise: b = 2" in {how for _, how in children}
    assert store.children_of(evaluated) == []
    assert {store.theorem(child).split for child, _ in children} == {"train"}
    assert training.grow() == len(children)
    again = await grow(store, pool, [Variations()], attempts=8, limit=4)
    assert (again.unsolved, again.results, again.added) == (0, (), ())


async def test_what_the_store_has_is_not_grown_again_nor_what_it_measures_with(
    store: TheoremStore, pool: LeanPool
) -> None:
    tried(store, "root_two")
    varied = "(k : Nat) (a b : Nat) (h : a * a = k * (b * b)) : b = 0"
    store.add(Theorem(name="known", statement=f"theorem known {varied}", source="other", split="test"))
    growth = await grow(store, pool, [Variations()], attempts=8, limit=4)
    fates = {each.proposal.detail: each.fate for each in growth.results}
    assert fates["k for 2"] is Fate.DUPLICATE


class Writer:
    """A generator that knows two conjectures, and one prompt that it cannot read."""

    def sample(self, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        said = ["(a b : Nat) (h : a * a = 5 * (b * b)) : b = 0 := by simp", ": 1 = 2 := by simp"]
        return [[Sample(text, (), (), (), True) for text in said[: params.samples]] for _ in prompts]


async def test_conjectures_of_a_model_come_in_beside_the_rules(store: TheoremStore, pool: LeanPool) -> None:
    hard = tried(store, "root_two")
    assert conjecture_prompt(store.theorem(hard)).endswith("theorem ")
    conjecturer = Conjecturer(Writer(), SamplingParams(samples=2))
    growth = await grow(store, pool, [conjecturer], attempts=8, limit=4)
    assert [each.fate for each in growth.results] == [Fate.KEPT, Fate.FALSE]
    assert [how for _, how in store.children_of(hard)] == ["conjecture"]


async def test_a_conjecturer_learns_from_what_is_proved_seldom(store: TheoremStore, pool: LeanPool) -> None:
    hard = tried(store, "root_two")
    await grow(store, pool, [Conjecturer(Writer(), SamplingParams(samples=1))], attempts=8, limit=4)
    ((child, _),) = store.children_of(hard)
    assert conjecturer_pairs(store) == [], "nobody has tried it"
    for number in range(8):
        status = Status.PROVED if number == 7 else Status.REJECTED
        row = JudgedAttempt(id=f"c/{number}", theorem=child, policy_version=0, proof=TRIED, status=status)
        store.record([row])
    ((prompt, completion),) = conjecturer_pairs(store)
    assert prompt == conjecture_prompt(store.theorem(hard))
    assert completion == "(a b : Nat) (h : a * a = 5 * (b * b)) : b = 0"


@pytest.mark.lean
def test_the_command_grows_a_store_and_says_what_became_of_each_proposal(tmp_path: Path) -> None:
    path = tmp_path / "theorems.db"
    with TheoremStore(path, create=True) as store:
        tried(store, "root_two")
    result = CliRunner().invoke(store_app, ["grow", "--store", str(path), "--attempts", "8"])
    assert result.exit_code == 0, result.output
    assert "1 unsolved theorems" in result.output
    assert "kept" in result.output
    shown = CliRunner().invoke(store_app, ["list", "--store", str(path)]).stdout
    assert "growth train" in shown


def test_up_has_a_process_that_grows_the_store_of_a_run_if_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, file = tmp_path / "theorems.db", tmp_path / "run.toml"
    file.write_text(f"data = {{ store = '{store}', grow = true }}\nlean = {{ timeout_s = 7.0 }}\n")
    config = load_config(file)

    def children(of: RunConfig) -> list[Child]:
        return run_children(
            file, of, tmp_path, "redis://", run="first", generators=1, verifiers=1, metrics=None
        )

    (command,) = (child.command for child in children(config) if child.name == "grower")
    grown: list[Any] = []
    monkeypatch.setattr(worker, "run_grower", lambda *given: grown.extend(given))
    result = CliRunner().invoke(worker.worker_app, command[command.index("grower") :])
    assert result.exit_code == 0, result.output
    in_store, how, lean = grown
    assert (in_store, lean.timeout_s, how.every) == (store, 7.0, 30.0)
    assert how.attempts == 3 * config.sampling.samples
    assert "grower" not in {child.name for child in children(run_config({}))}
    with pytest.raises(InvalidInput, match=r"name one in data\.store"):
        run_config({"data": {"grow": True}})
