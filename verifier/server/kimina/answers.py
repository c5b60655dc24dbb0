"""From what Lean said of a text, and an audit of its theorems, to what `kimina-client` reads; pure, no IO."""

import re
from collections.abc import Sequence

from verifier.judging.protocol import RawMessage, RawSorry, TextReply
from verifier.judging.rules import MAX_SUBMISSION_BYTES, Source, extract_tactics
from verifier.judging.text_audit import Finding
from verifier.server.kimina.infotree import infotree_of, positions_in
from verifier.server.kimina.schemas import InfotreeLevel, Position, ReplAnswer, ReplMessage, ReplTactic, Sorry
from verifier.verdict import Tactic

__all__ = ["answer_of", "too_long"]

_SORRY_WARNING = re.compile(r"declaration uses [`‘']sorry[`’']")


def too_long(text: str) -> str | None:
    """Why a text is not read; None where it is."""
    size = len(text.encode())
    if size <= MAX_SUBMISSION_BYTES:
        return None
    return f"the text has {size:,} bytes; more than {MAX_SUBMISSION_BYTES:,} are not read"


def answer_of(
    text: str, reply: TextReply, finding: Finding | None, level: InfotreeLevel | None
) -> ReplAnswer:
    """The answer to a text; a theorem that the audit finds not proved is an error among Lean's messages."""
    if reply.error is not None:
        failure = RawMessage(severity="error", line=1, column=0, text=reply.error)
        return ReplAnswer(messages=[_message(failure)], sorries=[])
    messages = [_message(raw) for raw in reply.messages]
    if finding is not None:
        messages.append(_complaint(text, finding))
    answer = ReplAnswer(messages=messages, sorries=_sorries(text, reply.sorries))
    if level is None:
        return answer
    source = Source(prefix="", submitted=text)
    tactics = [_tactic(text, tactic) for tactic in extract_tactics(source, reply.tactics)]
    return answer.model_copy(update={"tactics": tactics, "infotree": infotree_of(text, reply.tactics, level)})


def _message(raw: RawMessage) -> ReplMessage:
    end = None
    if raw.end_line is not None and raw.end_column is not None:
        end = Position(line=raw.end_line, column=raw.end_column)
    start = Position(line=raw.line, column=raw.column)
    # Their older helpers know the quotation marks of older versions of Lean, and take others for a proof.
    data = _SORRY_WARNING.sub("declaration uses 'sorry'", raw.text)
    return ReplMessage(severity=raw.severity, pos=start, endPos=end, data=data)


def _complaint(text: str, finding: Finding) -> ReplMessage:
    position = positions_in(text.encode())
    start, end = (
        position(len(text[:offset].encode())) for offset in (finding.theorem.start, finding.theorem.stop)
    )
    data = f"Lean reports no error, but the audit refuses it ({finding.status}): {finding.reason}"
    return ReplMessage(severity="error", pos=start, endPos=end, data=data)


def _tactic(text: str, tactic: Tactic) -> ReplTactic:
    return ReplTactic(
        pos=tactic.start,
        endPos=tactic.stop,
        goals=tactic.goals_before,
        tactic=text[tactic.start : tactic.stop],
    )


def _sorries(text: str, raw: Sequence[RawSorry]) -> list[Sorry]:
    """Each `sorry` in reading order, with its goal, once for every goal that it stands for.

    Lean makes a term of a `sorry` tactic, in the same place: the tactic is what was written.
    """
    position = positions_in(text.encode())
    tactics = {(sorry.start, sorry.stop) for sorry in raw if sorry.is_tactic}
    found: dict[tuple[int, int, str], Sorry] = {}
    for sorry in raw:
        if sorry.start is None or sorry.stop is None:
            continue
        if sorry.is_tactic or (sorry.start, sorry.stop) not in tactics:
            goal = sorry.goal.strip()
            found[sorry.start, sorry.stop, goal] = Sorry(
                pos=position(sorry.start), endPos=position(sorry.stop), goal=goal
            )
    return [found[key] for key in sorted(found)]
