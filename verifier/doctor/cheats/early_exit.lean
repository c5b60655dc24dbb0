--! statement: theorem t : (1 : Nat) = 2

--! id: exit-command
--! must: missing_declaration
--! note: `#exit` ends the file before the theorem
#exit
theorem t : (1 : Nat) = 2 := by rfl

--! id: exit-after-a-lemma
--! must: missing_declaration
--! note: an honest lemma, then the end
theorem one : (1 : Nat) = 1 := rfl
#exit
theorem t : (1 : Nat) = 2 := one

--! id: exit-in-the-proof
--! must: rejected
--! note: the proof's text ends the file, the theorem is left without a value
--! as: proof
#exit

--! id: process-exit
--! must: crashed, rejected
--! note: the process ends with success before it finds the error
--! as: code
#eval (IO.Process.exit 0 : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: comment-to-the-end
--! must: missing_declaration, rejected
--! note: a comment that is never closed
theorem other : True := trivial
/- theorem t : (1 : Nat) = 2 := by rfl

--! id: comment-around
--! must: missing_declaration
--! note: the theorem stands in a comment
/-
theorem t : (1 : Nat) = 2 := by rfl
-/
theorem other : True := trivial

--! id: comment-opened-by-the-proof
--! must: rejected
--! note: the proof opens a comment in which the rest would stand
--! as: proof
/- by rfl

--! id: docstring
--! must: missing_declaration, rejected
--! note: the theorem is the text of a docstring
/-- theorem t : (1 : Nat) = 2 := by rfl -/
theorem other : True := trivial

--! id: string
--! must: missing_declaration
--! note: the theorem stands in a string
def text := "
theorem t : (1 : Nat) = 2 := by rfl
"

--! id: namespace-not-closed
--! must: missing_declaration
--! note: the theorem is in a namespace that nothing closes
namespace Hidden
theorem t : (1 : Nat) = 1 := rfl

--! id: section-not-closed
--! must: statement_mismatch
--! note: a section with a hypothesis that nothing closes
section
variable (h : (1 : Nat) = 2)
include h
theorem t : (1 : Nat) = 2 := h

--! id: end-of-the-section-missing-name
--! must: missing_declaration, rejected
--! note: `end` without anything to end, then the theorem
namespace A
end A
end
namespace A
theorem t : (1 : Nat) = 1 := rfl

--! id: example
--! must: missing_declaration
--! note: an `example` has no name
example : (1 : Nat) = 1 := rfl

--! id: proof-that-goes-on
--! must: rejected
--! note: after the proof comes text that does not parse
--! statement: theorem t : (1 : Nat) = 1
--! as: proof
rfl
) trailing

--! id: proof-that-starts-over
--! must: rejected
--! note: the proof ends the theorem with an axiom of a wrong name and declares `t` again
--! as: proof
by exact t'
theorem t' : (1 : Nat) = 2 := t

--! id: theorem-twice
--! must: rejected
--! note: the second declaration of the name is refused; the first one is not what was asked
theorem t : True := trivial
theorem t : (1 : Nat) = 2 := sorry

--! id: in-a-failing-block
--! must: missing_declaration, rejected
--! note: the theorem is elaborated in a command whose effects are undone
#check_failure (by exact (rfl : (1 : Nat) = 2))
theorem other : True := trivial

--! id: open-in-with-another-name
--! must: missing_declaration
--! note: under a dotted name
theorem Nat.t : (1 : Nat) = 1 := rfl
open Nat

--! id: alias
--! must: rejected, missing_declaration
--! note: `export` makes the name known but declares nothing
namespace A
theorem t : (1 : Nat) = 1 := rfl
end A
export A (t)
