"""The books of a run: every attempt that is issued ends in one account, whatever comes, and however often."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from prover.generators.messages import Task
from tests.support.orders import attempt, task, verdict, with_proofs
from trainer.run.books import Account, Books, Group
from trainer.run.rounds import groups_of_attempts, groups_to_issue, is_stale, round_of
from verifier.verdict import Status, Verdict


def books_of(*tasks: Task) -> Books:
    books = Books()
    books.issue(1, tasks)
    return books


TASKS = [task("a"), task("b", 1), task("c/d", 3), with_proofs(task("n", 2))]
ATTEMPTS = [(each, index) for each in TASKS for index in range(each.sampling.samples)]
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("attempt"), st.sampled_from(ATTEMPTS)),
        st.tuples(st.just("proved"), st.sampled_from(ATTEMPTS)),
        st.tuples(st.just("rejected"), st.sampled_from(ATTEMPTS)),
        st.tuples(st.just("timeout"), st.sampled_from(ATTEMPTS)),
        st.tuples(st.just("dead"), st.sampled_from(ATTEMPTS)),
        st.tuples(st.just("close"), st.sampled_from(ATTEMPTS)),
        st.tuples(st.just("restart"), st.sampled_from(ATTEMPTS)),
    ),
    max_size=40,
)


@given(EVENTS, st.booleans())
def test_the_books_balance_whatever_comes_and_whenever_they_are_read_back(
    events: list[tuple[str, tuple[Task, int]]], stale: bool
) -> None:
    books = books_of(*TASKS)
    for event, (of, index) in events:
        match event:
            case "attempt":
                books.attempt(attempt(of, index))
            case "dead":
                books.bury([of.attempt_ids[index]], "it ended five generators")
            case "close":
                for group in books.open:
                    if group.task.id == of.id:
                        books.close(group, stale=stale)
            case "restart":
                again = Books.restored(books.state())
                assert again.state() == books.state()
                books = again
            case status:
                books.verdict(verdict(of, index, Status(status)))
        assert books.balance == 0
    for group in books.open:
        books.close(group, stale=stale)
    closed = sum(books.accounts[each] for each in Account if each is not Account.LATE)
    assert (closed, books.owed, books.issued) == (8, 0, 8)


def test_a_group_is_complete_when_each_attempt_is_judged_or_moved_away() -> None:
    a = task("a")
    books = books_of(a)
    (group,) = books.open
    assert books.attempt(attempt(a, 0)) and books.verdict(verdict(a, 0))
    assert group.owed == [1]
    assert books.verdict(verdict(a, 1)), "a verdict may come before its attempt"
    assert group.owed == [1]
    books.bury([a.attempt_ids[1]], "no")
    assert group.owed == []


def test_what_comes_again_or_unasked_is_nobodys() -> None:
    a = task("a")
    books = books_of(a)
    assert books.attempt(attempt(a, 0))
    assert not books.attempt(attempt(a, 0))
    assert books.verdict(verdict(a, 0))
    assert not books.verdict(verdict(a, 0, Status.REJECTED))
    for other in (task("b", samples=9), task("a", samples=9)):
        assert not books.verdict(verdict(other, 5))
        assert not books.attempt(attempt(other, 5))
    assert not books.verdict(Verdict(id="a/x", status=Status.PROVED, reason=""))
    (entry, account) = books.open[0].entries(stale=False)[0]
    assert (entry.verdict.status, account) == (Status.PROVED, Account.TRAINED)


def test_an_attempt_without_a_verdict_is_unknown_and_never_refuted() -> None:
    a = task("a", samples=3)
    books = books_of(a)
    books.attempt(attempt(a, 0))
    books.attempt(attempt(a, 1))
    books.verdict(verdict(a, 1, Status.TIMEOUT))
    (group,) = books.open
    entries = group.entries(stale=False)
    assert [(each.verdict.kind, account) for each, account in entries] == [("unknown", "unknown")] * 2
    books.close(group, stale=False)
    assert books.accounts == Counter({Account.UNKNOWN: 3})


def test_a_given_proof_is_accounted_for_and_nothing_is_learned_from_it() -> None:
    a = with_proofs(task("a"))
    books = books_of(a)
    books.verdict(verdict(a, 0))
    books.verdict(verdict(a, 1, Status.TIMEOUT))
    (group,) = books.open
    assert group.entries(stale=False) == []
    books.close(group, stale=True)
    assert books.accounts == Counter({Account.CHECKED: 1, Account.UNKNOWN: 1})


def test_a_proof_that_comes_after_its_group_is_closed_is_kept_once() -> None:
    a, b = task("a", samples=1), task("b", samples=1)
    books = books_of(a, b)
    books.attempt(attempt(a, 0))
    for group in books.open:
        books.close(group, stale=False)
    books.attempt(attempt(b, 0))
    books = Books.restored(books.state())
    for _ in range(2):
        books.verdict(verdict(a, 0))
        books.verdict(verdict(b, 0))
    late = books.take_late()
    assert [each.attempt.id for each in late] == ["a/0", "b/0"]
    assert books.take_late() == []
    assert (books.accounts[Account.LATE], books.accounts[Account.UNKNOWN], books.balance) == (2, 2, 0)


def test_an_attempt_that_was_judged_before_it_was_moved_away_counts_as_judged() -> None:
    a = task("a", samples=1)
    books = books_of(a)
    books.attempt(attempt(a, 0))
    books.bury([a.attempt_ids[0]], "it ended five verifiers")
    books.verdict(verdict(a, 0))
    (group,) = books.open
    assert group.account_of(0, stale=False) is Account.TRAINED


def groups(*versions: int) -> list[Group]:
    return [Group(number=1, task=task(str(n), version=version)) for n, version in enumerate(versions)]


def taken(open_groups: list[Group], complete: str, *, version: int, staleness: int, size: int) -> str:
    chosen = round_of(open_groups, set(complete), version=version, max_staleness=staleness, size=size)
    return "".join(each.task.id for each in chosen)


def test_without_staleness_a_round_waits_for_all_that_is_open() -> None:
    three = groups(4, 4, 4)
    assert taken(three, "02", version=4, staleness=0, size=3) == ""
    assert taken(three, "201", version=4, staleness=0, size=3) == "012"


def test_a_round_takes_the_oldest_that_are_complete_and_waits_for_those_that_would_be_too_old() -> None:
    five = groups(3, 3, 4, 4, 4)
    assert taken(five, "1234", version=4, staleness=1, size=2) == "", "0 would be stale in the next"
    assert taken(five, "01234", version=4, staleness=1, size=2) == "01"
    assert taken(five, "0134", version=4, staleness=1, size=3) == "013", "2 can wait one round more"
    assert taken(five, "13", version=4, staleness=2, size=2) == "13"


def test_the_last_round_takes_what_is_left() -> None:
    assert taken(groups(4), "0", version=4, staleness=1, size=8) == "0"
    assert taken([], "", version=4, staleness=1, size=8) == ""


@given(st.integers(0, 9), st.integers(0, 4), st.integers(1, 8), st.integers(0, 40))
def test_no_more_is_issued_than_the_rounds_that_are_left_can_use(
    left: int, staleness: int, size: int, in_flight: int
) -> None:
    count = groups_to_issue(in_flight, rounds_left=left, max_staleness=staleness, size=size)
    assert count >= 0
    assert count == 0 or in_flight + count == min(staleness + 1, left) * size


def test_an_attempt_is_stale_when_its_policy_is_more_versions_old_than_allowed() -> None:
    (group,) = groups(3)
    assert not is_stale(group, 4, 1)
    assert is_stale(group, 5, 1)


@given(st.integers(4, 200), st.integers(1, 16), st.lists(st.floats(0.5, 4), min_size=30, max_size=30))
def test_a_run_has_as_many_attempts_however_large_its_groups_are(
    count: int, samples: int, sizes: list[float]
) -> None:
    surplus = 0
    for size in sizes:
        attempts = max(1, round(samples * size))
        surplus += attempts * groups_of_attempts(count, samples=samples, surplus=surplus) - count * samples
        # Groups that are 4 times as large after a debt of 1.5 rounds, which is the largest that can be.
        assert abs(surplus) <= (8 * count + 2) * samples, "it is made up for, and never piles up"


def test_groups_of_the_usual_size_are_as_many_as_asked_for() -> None:
    assert groups_of_attempts(128, samples=4, surplus=0) == 128
    assert groups_of_attempts(128, samples=4, surplus=40) == 118
    assert groups_of_attempts(128, samples=4, surplus=-40) == 138
    assert groups_of_attempts(2, samples=4, surplus=400) == 1, "a round is never empty"
    assert groups_of_attempts(0, samples=4, surplus=-400) == 0, "unless nothing is to be issued"
