"""The rules from Lean's replies to verdicts, without a Lean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.judging.protocol import (
    AuditReply,
    CheckReply,
    Declaration,
    ImportsReply,
    RawMessage,
    RawTactic,
    parse_json_line,
)
from verifier.judging.rules import (
    MAX_SUBMISSION_BYTES,
    judge_audit,
    judge_screening,
    may_turn_on_the_kernel,
    refuse_unread,
    source_of,
)
from verifier.verdict import Kind, Status, Submission, Verdict

STATEMENT = "theorem t (a : Nat) :\n  a = a"


def submission(proof: str = "rfl") -> Submission:
    return Submission(id="x", statement=STATEMENT, proof=proof)


def declared(**changes: object) -> Declaration:
    fields: dict[str, object] = {
        "kind": "theorem",
        "reference_kind": "theorem",
        "universes": 0,
        "reference_universes": 0,
        "same_type": True,
        "axioms": (),
        "own_axioms": (),
    }
    return Declaration.model_validate(fields | changes)


def judged(proof: str = "rfl", **reply: object) -> Verdict:
    asked = submission(proof)
    answer = CheckReply.model_validate(
        {"id": "r", "name": "t", "declaration": declared(), "export": {}} | reply
    )
    return judge_screening(asked, source_of(asked), answer)


def error(line: int, column: int, severity: str = "error") -> RawMessage:
    return RawMessage(severity=severity, line=line, column=column, text="it is wrong")


def test_a_declaration_of_the_right_type_on_allowed_axioms_is_proved() -> None:
    verdict = judged(declaration=declared(axioms=("propext", "Classical.choice", "Quot.sound")))
    assert (verdict.status, verdict.kind) == (Status.PROVED, Kind.PROVED)


@pytest.mark.parametrize(
    ("declaration", "status"),
    [
        (None, Status.MISSING_DECLARATION),
        (declared(kind="def"), Status.STATEMENT_MISMATCH),
        (declared(universes=1), Status.STATEMENT_MISMATCH),
        (declared(axioms=("sorryAx",)), Status.INCOMPLETE),
        (declared(axioms=("cheat",)), Status.DISALLOWED_AXIOM),
        (declared(own_axioms=("cheat",)), Status.DISALLOWED_AXIOM),
        (declared(own_axioms=("propext",)), Status.DISALLOWED_AXIOM),
        (declared(axioms=("Lean.ofReduceBool",)), Status.DISALLOWED_AXIOM),
    ],
)
def test_what_is_declared_decides_when_lean_reports_no_error(
    declaration: Declaration | None, status: Status
) -> None:
    verdict = judged(declaration=declaration)
    assert (verdict.status, verdict.kind) == (status, Kind.REFUTED)


def test_an_error_refutes_whatever_is_declared() -> None:
    assert judged(messages=(error(3, 0),)).status is Status.REJECTED


def test_warnings_and_information_do_not_refute() -> None:
    assert judged(messages=(error(3, 0, "warning"), error(3, 0, "info"))).status is Status.PROVED


def test_a_statement_that_does_not_elaborate_is_named_as_the_cause() -> None:
    verdict = judged(statement_error="unknown identifier 'x'")
    assert verdict.status is Status.REJECTED
    assert "the statement does not elaborate: unknown identifier 'x'" in verdict.reason


def test_a_statement_with_the_beginning_of_a_proof_is_told_where_to_end() -> None:
    for behind in (" := by sorry", " := by\n", " :=", " := sorry"):
        asked = Submission(id="x", statement=STATEMENT + behind, proof="rfl")
        reply = CheckReply(id="r", statement_error="unexpected token ':='; expected command")
        assert "not including, `:=`" in judge_screening(asked, source_of(asked), reply).reason
    assert "not including" not in judged(statement_error="unknown identifier 'x'").reason


def test_a_worker_that_refuses_says_nothing_about_the_proof() -> None:
    assert judged(error="no such header").kind is Kind.UNKNOWN


def test_the_process_that_ran_the_candidate_is_not_asked_whether_it_is_the_statement() -> None:
    assert judged(declaration=declared(same_type=None)).status is Status.PROVED
    assert judged(declaration=declared(same_type=False)).status is Status.PROVED


def test_a_mismatch_names_both_types_and_the_part_in_which_they_differ() -> None:
    def reason(**types: str) -> str:
        return judge_audit(audit(declaration=declared(same_type=False, **types)))[1]

    other = reason(type="True", reference_type="1 = 2", part="True")
    assert other.endswith("with another type: `True`, not `1 = 2`")
    part = reason(type="3 < 2", reference_type="3 < 1", part="2", reference_part="1")
    assert part.endswith("`2` stands for `1` in `3 < 2`, not `3 < 1`")
    own = reason(type="submitted.0.f = 1", reference_type="f = 1", part="submitted.0.f", reference_part="f")
    assert own.endswith("its own `f` is not the statement's `f` in `f = 1`")


def test_what_is_too_large_to_audit_is_unknown() -> None:
    verdict = judged(export=None, refused="resource_exhausted", reason="the proof term is too large")
    assert (verdict.status, verdict.kind) == (Status.RESOURCE_EXHAUSTED, Kind.UNKNOWN)


def test_what_no_kernel_would_take_is_refuted_without_asking_one() -> None:
    verdict = judged(export=None, refused="kernel_rejected", reason="a term has a metavariable")
    assert (verdict.status, verdict.kind) == (Status.KERNEL_REJECTED, Kind.REFUTED)


def test_nothing_is_proved_without_an_export() -> None:
    assert judged(export=None).status is Status.INFRA_ERROR


def audit(**reply: object) -> AuditReply:
    return AuditReply.model_validate({"id": "r", "name": "t", "declaration": declared()} | reply)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (audit(), Status.PROVED),
        (audit(refused="kernel_rejected", reason="it says so"), Status.KERNEL_REJECTED),
        (audit(declaration=None), Status.MISSING_DECLARATION),
        (audit(declaration=declared(same_type=False)), Status.STATEMENT_MISMATCH),
        (audit(declaration=declared(same_type=None)), Status.STATEMENT_MISMATCH),
        (audit(declaration=declared(own_axioms=("propext",))), Status.DISALLOWED_AXIOM),
        (audit(declaration=declared(axioms=("sorryAx",))), Status.INCOMPLETE),
        (audit(error="no such header"), Status.INFRA_ERROR),
        (
            audit(declaration=None, undecided=True, refused="resource_exhausted", reason="no budget"),
            Status.RESOURCE_EXHAUSTED,
        ),
    ],
)
def test_an_audit_is_judged_by_the_rules_of_the_screen(reply: AuditReply, status: Status) -> None:
    assert judge_audit(reply)[0] is status


def test_an_axiom_is_allowed_only_where_it_is_named() -> None:
    reply = audit(declaration=declared(axioms=("Lean.ofReduceBool",)))
    assert judge_audit(reply)[0] is Status.DISALLOWED_AXIOM
    assert judge_audit(reply, frozenset({"Lean.ofReduceBool"}))[0] is Status.PROVED


def test_lean_axioms_are_not_allowed_by_a_name_that_a_submission_takes() -> None:
    named = frozenset({"magic", "propext", "Lean.ofReduceBool"})
    assert judge_audit(audit(declaration=declared(own_axioms=("magic",))), named)[0] is Status.PROVED
    for name in ("propext", "Lean.ofReduceBool"):
        reply = audit(declaration=declared(own_axioms=(name,)))
        assert judge_audit(reply, named)[0] is Status.DISALLOWED_AXIOM


def test_positions_count_from_the_submitted_text() -> None:
    proof = "by\n  simp\n  omega"
    # The statement has two lines and `:=` one, so line 5 of the source is line 2 of the proof.
    message = judged(proof, messages=(error(5, 2),)).messages[0]
    assert (message.line, message.column, proof[message.start :][:4]) == (2, 2, "simp")


def test_a_complaint_about_the_statement_starts_before_the_text() -> None:
    verdict = judged(messages=(error(2, 2),))
    assert verdict.messages[0].start < 0
    assert verdict.reason.startswith("statement:")


def test_tactic_spans_are_code_points_of_the_submitted_text() -> None:
    proof = "by\n  exact ⟨∀ℝ₀, h⟩ <;> omega"
    full = source_of(submission(proof)).full.encode()
    start, stop = full.index(b"omega"), len(full)
    raw = RawTactic(kind="Lean.Parser.Tactic.omega", start=start, stop=stop, before="\n⊢ a", after="no goals")
    wrapper = RawTactic(kind="Lean.Parser.Tactic.tacticSeq", start=start, stop=stop, before="", after="")
    token = RawTactic(kind="by", start=start, stop=stop, before="", after="")
    tactics = judged(proof, tactics=(wrapper, token, raw)).tactics
    assert tactics is not None
    assert [proof[each.start : each.stop] for each in tactics] == ["omega"]
    assert tactics[0].goals_before == "⊢ a"


@given(st.lists(st.sampled_from(["a", "∀", "\r", "\n", "\r\n"]), min_size=1).map("".join))
def test_every_position_of_what_lean_reads_is_one_of_the_submitted_text(text: str) -> None:
    source = source_of(submission(text))
    place = source.offset_map()
    read = source.full[len(source.prefix) :]
    assert read == text.replace("\r\n", "\n") and source.prefix.endswith("\n")
    for offset, char in enumerate(read):
        there = place(offset + len(source.prefix))
        assert text[there] == char or (text[there : there + 2] == "\r\n" and char == "\n")
    assert place(0) < 0 and place(len(source.full)) == len(text)


def test_line_ends_of_windows_shift_nothing() -> None:
    proof = "by\r\n  simp\r\n  omega"
    message = judged(proof, messages=(error(6, 2),)).messages[0]
    assert (message.line, message.column, proof[message.start :]) == (3, 2, "omega")
    full = source_of(submission(proof)).full.encode()
    start, stop = full.index(b"omega"), len(full)
    raw = RawTactic(kind="Lean.Parser.Tactic.omega", start=start, stop=stop, before="", after="")
    tactics = judged(proof, tactics=(raw,)).tactics
    assert tactics is not None and proof[tactics[0].start : tactics[0].stop] == "omega"


def test_what_was_refused_without_the_kernel_is_asked_again_where_it_may_matter() -> None:
    plain, kernel, native = (
        submission("by omega"),
        submission("by decide +kernel"),
        submission("by native_decide"),
    )
    header = Submission(id="x", header="macro …kernel…", statement=STATEMENT, proof="by it")
    assert may_turn_on_the_kernel(plain, Status.KERNEL_REJECTED)
    assert not may_turn_on_the_kernel(plain, Status.REJECTED)
    for each in (kernel, native, header):
        assert may_turn_on_the_kernel(each, Status.REJECTED)
        assert may_turn_on_the_kernel(each, Status.DISALLOWED_AXIOM)
        assert not may_turn_on_the_kernel(each, Status.PROVED)
        assert not may_turn_on_the_kernel(each, Status.STATEMENT_MISMATCH)


@pytest.mark.parametrize(
    ("proof", "cause"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("by " + "skip; " * MAX_SUBMISSION_BYTES, "bytes"),
        ("by \ud800", "surrogate"),
    ],
)
def test_texts_no_lean_has_to_see_are_rejected_by_name_of_the_cause(proof: str, cause: str) -> None:
    verdict = refuse_unread(submission(proof))
    assert verdict is not None
    assert verdict.status is Status.REJECTED
    assert cause in verdict.reason


def test_reasons_are_one_line_of_bounded_length() -> None:
    verdict = judged(messages=(RawMessage(severity="error", line=4, column=0, text="a\nb " * 1000),))
    assert "\n" not in verdict.reason and len(verdict.reason) <= 400


@pytest.mark.parametrize("line", [b"", b"\n", b"abc", b"{", b'{"a":' * 100_000, b"[1]", b'"a"'])
def test_chatter_on_stdout_is_no_reply_and_no_error(line: bytes) -> None:
    assert parse_json_line(line) is None


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        ("", True),
        ("prelude\nimport Init.Core\nimport «Own».B'", True),
        ('import Lean\nrun_cmd Lean.logInfo m!""', False),
        ("import Lean run_cmd skip", False),
        ("open Nat", False),
    ],
)
def test_a_header_of_imports_has_nothing_else_in_it(header: str, is_one: bool) -> None:
    """An auditor reads it, and the process that answers has run candidates."""
    reply = {"id": "a", "header": header}
    if is_one:
        assert ImportsReply.model_validate(reply).header == header
    else:
        with pytest.raises(ValueError, match="something else"):
            ImportsReply.model_validate(reply)
