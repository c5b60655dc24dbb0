--! statement: theorem t : (1 : Nat) = 2

--! id: kernel-off-and-decide
--! must: kernel_rejected
--! note: `decide +kernel` leaves the work to a check that is switched off; no `import Lean` is needed
set_option debug.skipKernelTC true in
theorem t : (1 : Nat) = 2 := by decide +kernel

--! id: kernel-off-in-a-lemma
--! must: kernel_rejected
--! note: the option is on again when the target is declared
set_option debug.skipKernelTC true in
theorem lemma_ : (3 : Nat) < 3 := by decide +kernel
theorem t : (1 : Nat) = 2 := absurd lemma_ (Nat.lt_irrefl 3)

--! id: kernel-off-as-a-tactic-option
--! must: kernel_rejected, rejected
--! note: the option is set by the tactic `set_option … in`
theorem t : (1 : Nat) = 2 := by
  set_option debug.skipKernelTC true in
  exact (by decide +kernel)

--! id: kernel-off-as-a-term-option
--! must: kernel_rejected, rejected
--! note: the option is set by the term `set_option … in`
--! as: proof
set_option debug.skipKernelTC true in by decide +kernel

--! id: kernel-off-through-a-macro
--! must: kernel_rejected, rejected
--! note: a macro writes the option, so the text of the theorem does not show it
macro "surely" : term => `(set_option debug.skipKernelTC true in by decide +kernel)
theorem t : (1 : Nat) = 2 := surely

--! id: kernel-off-in-a-section
--! must: kernel_rejected
--! note: the option holds in a section that ends before the target
section
set_option debug.skipKernelTC true
theorem no_number (n : Nat) : ∀ m : Fin 3, m.val = 7 := by decide +kernel
end
theorem t : (1 : Nat) = 2 := absurd (no_number 0 0) (by decide)

--! id: kernel-off-in-an-instance
--! must: kernel_rejected
--! note: the false fact is a field of an instance
class Odd where
  eq : (1 : Nat) = 2
set_option debug.skipKernelTC true in
instance : Odd := ⟨by decide +kernel⟩
theorem t : (1 : Nat) = 2 := Odd.eq

--! id: heartbeats-off
--! must: rejected
--! note: no budget for a proof search that finds nothing
set_option maxHeartbeats 0 in
theorem t : (1 : Nat) = 2 := by first | grind | omega | simp

--! id: recursion-limit-off
--! must: rejected
--! note: the deep recursion that this allows does not make the claim true
set_option maxRecDepth 100000 in
theorem t : (1 : Nat) = 2 := by decide

--! id: warnings-off
--! must: incomplete
--! note: no message at all is left
set_option warn.sorry false
set_option linter.all false
theorem t : (1 : Nat) = 2 := sorry

--! id: relaxed-auto-implicit
--! must: statement_mismatch
--! note: an unknown name is a new variable
--! statement: theorem t : goal
--! header: abbrev goal : Prop := (1 : Nat) = 2
set_option autoImplicit true in
set_option relaxedAutoImplicit true in
theorem t (h : gοal ∧ True) : gοal := h.1

--! id: printed-alike
--! must: statement_mismatch
--! note: with printing options set, both types would be printed as `⋯`
set_option pp.explicit false
set_option pp.maxSteps 1
set_option pp.deepTerms false
theorem t : (1 : Nat) = 1 := rfl

--! id: smart-unfolding-off
--! must: rejected
--! note: unfolding is changed, and everything unfolds
set_option smartUnfolding false in
theorem t : (1 : Nat) = 2 := by with_unfolding_all rfl

--! id: async-on
--! must: rejected, incomplete
--! note: the theorem's body is elaborated in another thread, whose errors come late
set_option Elab.async true
theorem t : (1 : Nat) = 2 := by decide

--! id: async-on-and-kernel
--! must: rejected, incomplete, kernel_rejected
--! note: the kernel checks in another thread, and the reply does not wait for it
set_option Elab.async true
theorem lemma_ : (1 : Nat) = 2 := by decide +kernel
theorem t : (1 : Nat) = 2 := lemma_

--! id: error-budget
--! must: rejected
--! note: a flood of warnings comes before the one error
--! statement: theorem t : (1 : Nat) = 3
macro "wave" : command => `(#check 1 #check 1 #check 1 #check 1 #check 1 #check 1 #check 1 #check 1)
macro "flood" : command => `(wave wave wave wave wave wave)
macro "deluge" : command => `(flood flood flood flood flood flood)
deluge
theorem t : (1 : Nat) = 3 := by decide

--! id: trace-as-error
--! must: rejected
--! note: tracing on, so that the log is long
set_option trace.Meta.synthInstance true in
theorem t : (1 : Nat) = 2 := by decide

--! id: unknown-option
--! must: rejected
--! note: an unknown option must not end the file quietly
set_option kernel.check false in
theorem t : (1 : Nat) = 2 := by decide
