"""The interface between learning and judging: what turns submissions into verdicts can be a source of reward.

Lean is the source that matters (`verifier.judging.pool.LeanPool`).  Arithmetic is the second: it needs no
Lean, so that learners and evaluations can be tried, and tested, on problems whose answers are known.
"""

import ast
import operator
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from verifier.verdict import Status, Submission, Verdict

if TYPE_CHECKING:
    from verifier.judging.pool import LeanPool

__all__ = ["ArithmeticVerifier", "Verifier"]


class Verifier(Protocol):
    """Judges submissions; one that cannot be judged gets a verdict of kind unknown, never one of refuted."""

    def verify_many(self, submissions: Iterable[Submission]) -> AsyncIterator[Verdict]:
        """One verdict for each submission, by its id, in the order in which they finish."""
        ...


class ArithmeticVerifier:
    """Judges `Answer: N` against a statement such as `17 + 25 * 3`, by the last answer in the text.

    A statement is integers, `+`, `-`, `*` and parentheses, of at most `MAX_STATEMENT` characters, which also
    bounds the result.  Any other is `infra_error`: the task is at fault, not the answer.
    """

    async def verify_many(self, submissions: Iterable[Submission]) -> AsyncIterator[Verdict]:
        for submission in submissions:
            status, reason = _judge(submission.statement, submission.text)
            yield Verdict(id=submission.id, status=status, reason=reason)


MAX_STATEMENT = 200
_ANSWER = re.compile(r"[ \t]*([+-]?[0-9]{1,300})(?![0-9]|[.,][0-9])")
_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_UNARY: dict[type[ast.unaryop], Callable[[int], int]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def _judge(statement: str, text: str) -> tuple[Status, str]:
    try:
        expected = _compute(_parse(statement))
    except ValueError as error:
        return Status.INFRA_ERROR, f"the statement cannot be computed: {error}; mend the task"
    _, marker, rest = text.rpartition("Answer:")
    answer = _ANSWER.match(rest) if marker else None
    if answer is None:
        return Status.REJECTED, "there is no `Answer: N` with an integer N"
    if int(answer[1]) != expected:
        return Status.REJECTED, f"the answer is not {answer[1]}"
    return Status.PROVED, "the answer is right"


def _parse(statement: str) -> ast.expr:
    if len(statement) > MAX_STATEMENT:
        raise ValueError(f"it has {len(statement)} characters, and {MAX_STATEMENT} are read")
    try:
        return ast.parse(statement.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"it is no expression ({error.msg})") from error


def _compute(node: ast.expr) -> int:
    match node:
        # A bool is an int too.
        case ast.Constant(value=int(number)) if type(number) is int:
            return number
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_compute(left), _compute(right))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](_compute(operand))
    raise ValueError(f"`{ast.unparse(node)}` is not an integer, +, - or *")


if TYPE_CHECKING:
    # Tells the type checker that both fit.
    _lean: type[Verifier] = LeanPool
    _arithmetic: type[Verifier] = ArithmeticVerifier
