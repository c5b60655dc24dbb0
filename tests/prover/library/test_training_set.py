"""The training set: no evaluation theorem is in it, under whatever name, header or spelling it came."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.families import build_dataset
from prover.library.records import AddOutcome
from prover.library.store import TheoremStore
from prover.library.training_set import TrainingSet
from prover.theorem import Split
from tests.support.theorems import theorem
from verifier.errors import InvalidInput

# Evaluation and training


CLAIM = "(n : Nat) : n * n = n ^ 2"
RENAMED = "(k : Nat) : k * k = k ^ 2"


@pytest.mark.parametrize("evaluation_first", [True, False])
def test_a_theorem_with_the_statement_of_an_evaluation_is_kept_and_not_trained_on(
    store: TheoremStore, evaluation_first: bool
) -> None:
    measured = theorem("measured", CLAIM, header="import Mathlib\n", source="minif2f", split="test")
    copied = theorem("copied", RENAMED)
    store.add(theorem("sound"))
    added = [store.add(each) for each in ((measured, copied) if evaluation_first else (copied, measured))]
    assert [each.outcome for each in added] == [AddOutcome.ADDED] * 2
    assert added[1].others == ("copied" if not evaluation_first else "measured",)
    training = TrainingSet(store)
    assert [each.name for each in training.theorems(range(len(training)))] == ["sound"]
    assert [(each.name, each.by) for each in training.contaminated] == [("copied", "measured")]
    assert "refused besides 1" in str(training)
    assert "copied (measured)" in str(training)
    with pytest.raises(InvalidInput, match="`copied` is not to be trained on"):
        training.index_of("copied")


def test_contaminated_theorems_are_trained_on_only_when_that_is_said(store: TheoremStore) -> None:
    store.add(theorem("measured", CLAIM, split="valid"))
    store.add(theorem("copied", RENAMED))
    with pytest.raises(InvalidInput, match="none to train on"):
        TrainingSet(store)
    allowed = TrainingSet(store, allow_contaminated=True)
    assert [each.name for each in allowed.theorems([0])] == ["copied"]
    assert "among them 1" in str(allowed)


@pytest.mark.parametrize("split", ["valid", "test", "held_out", "held_out_family"])
def test_no_split_but_train_is_trained_on(store: TheoremStore, split: Split) -> None:
    store.add(theorem("measured", split=split))
    store.add(theorem("sound"))
    assert TrainingSet(store).indices.tolist() == [1]


@pytest.mark.parametrize("registered_first", [True, False])
def test_a_source_that_is_registered_for_evaluation_is_never_trained_on(
    store: TheoremStore, registered_first: bool
) -> None:
    if registered_first:
        store.register_evaluation("benchmark")
    store.add(theorem("a", CLAIM, source="benchmark"))
    store.add(theorem("b", RENAMED))
    store.add(theorem("c"))
    if not registered_first:
        store.register_evaluation("benchmark")
    training = TrainingSet(store)
    assert [each.name for each in training.theorems(range(len(training)))] == ["c"]
    assert store.state(0).evaluation


def test_a_training_theorem_that_comes_again_as_an_evaluation_one_becomes_one(store: TheoremStore) -> None:
    store.add(theorem("t", CLAIM))
    store.add(theorem("sound"))
    added = store.add(theorem("t", CLAIM, source="minif2f", split="test"))
    assert (added.outcome, added.index) == (AddOutcome.NOW_EVALUATION, 0)
    assert (store.theorem(0).split, store.theorem(0).source) == ("test", "minif2f")
    assert store.add(theorem("t", CLAIM)).outcome is AddOutcome.IS_EVALUATION
    assert TrainingSet(store).indices.tolist() == [1]


def test_families_split_apart_have_no_contamination(store: TheoremStore) -> None:
    data = build_dataset(0, train=300, held_out=80, held_out_family=40)
    with store.batch():
        for each in (*data.train, *data.held_out, *data.held_out_family):
            assert store.add(each).outcome is AddOutcome.ADDED
    training = TrainingSet(store)
    assert training.contaminated == ()
    assert {each.split for each in training.theorems(range(len(training)))} == {"train"}
    assert len(training) == len(training.features()) == 300


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.booleans()), max_size=25))
def test_no_order_of_coming_lets_an_evaluation_statement_into_training(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, bool]]
) -> None:
    with TheoremStore(tmp_path_factory.mktemp("any") / "t.db", create=True) as store:
        for number, (claim, is_evaluation) in enumerate(rows):
            split: Split = "test" if is_evaluation else "train"
            # Names that sometimes clash, and claims that come under several names.
            store.add(theorem(f"t{number % 5}", f": {claim} 0 = 0", split=split))
        measured = {claim for claim, is_evaluation in rows if is_evaluation}
        trained = [store.theorem(int(index)).statement for index in store.training_indices()]
        assert {text.split()[3] for text in trained} == {claim for claim, _ in rows} - measured
        assert len(trained) == len({text.split()[3] for text in trained})


# The training set


def test_faulty_theorems_and_those_that_do_not_elaborate_are_not_trained_on(store: TheoremStore) -> None:
    faults = {"a": "over ℕ by mistake", "b": "vacuous"}
    for name in "abcd":
        store.add(theorem(name), faulty=faults.get(name))
    store.flag_elaboration(2, "unknown identifier 'f'")
    store.flag_elaboration(3, None)
    assert TrainingSet(store).indices.tolist() == [3]
    assert [store.state(index).faulty for index in range(4)] == ["over ℕ by mistake", "vacuous", None, None]
    assert [store.state(index).not_elaborating for index in (2, 3)] == ["unknown identifier 'f'", None]
    assert [store.state(index).elaborated for index in range(4)] == [False, False, True, True]
    assert store.unchecked().tolist() == [0, 1]
    assert list(store.faults()) == [
        ("a", "faulty: over ℕ by mistake"),
        ("b", "faulty: vacuous"),
        ("c", "does not elaborate: unknown identifier 'f'"),
    ]


def test_a_retired_theorem_keeps_its_place_in_a_set_made_before_or_after(store: TheoremStore) -> None:
    store.add(theorem("measured", split="test"))
    for name in "abc":
        store.add(theorem(name))
    before = TrainingSet(store)
    store.retire(2, "its negation was proved")
    after = TrainingSet(store)
    assert before.digest == after.digest
    assert after.retired().tolist() == before.retired().tolist() == [1]
    assert after.theorem(1).name == "b"
    assert store.state(2).retired == "its negation was proved"


def test_what_is_added_comes_last_in_a_set_that_grows(store: TheoremStore) -> None:
    store.add(theorem("a"))
    training = TrainingSet(store)
    store.add(theorem("measured", split="test"))
    assert store.add_child(theorem("a_weaker"), 0, "dropped a hypothesis").index == 2
    assert training.grow() == 1
    assert training.grow() == 0
    assert [training.theorem(index).name for index in range(2)] == ["a", "a_weaker"]
    assert training.digest == TrainingSet(store).digest


def test_nothing_to_train_on_grows_from_an_evaluation_theorem(store: TheoremStore) -> None:
    store.add(theorem("measured", split="test"))
    with pytest.raises(InvalidInput, match="nothing may grow from it"):
        store.add_child(theorem("variation"), 0, "dropped a hypothesis")
    assert len(store) == 1
    assert (
        store.add_child(theorem("variation", split="test"), 0, "dropped a hypothesis").outcome
        is AddOutcome.ADDED
    )


def test_what_grew_from_a_theorem_that_an_evaluation_has_is_not_trained_on(store: TheoremStore) -> None:
    store.add(theorem("a", CLAIM))
    store.add_child(theorem("b"), 0, "specialised")
    store.add_child(theorem("c"), 1, "specialised again")
    store.add(theorem("sound"))
    store.add(theorem("measured", RENAMED, split="test"))
    training = TrainingSet(store)
    assert training.indices.tolist() == [3]
    assert [each.name for each in training.contaminated] == ["a", "b", "c"]
