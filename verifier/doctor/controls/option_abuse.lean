--! statement: theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b

--! id: more-recursion
set_option maxRecDepth 2000 in
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by grind

--! id: more-heartbeats
set_option maxHeartbeats 400000 in
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by grind

--! id: heartbeats-off-and-short
set_option maxHeartbeats 0 in
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by grind

--! id: printing
set_option pp.all true
set_option pp.explicit true in
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by grind

--! id: linters
set_option linter.unusedVariables false
set_option linter.all true
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by
  have unused : 1 = 1 := rfl
  grind

--! id: auto-implicit-off
set_option autoImplicit false
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by grind

--! id: tactic-option
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by
  set_option maxRecDepth 3000 in
  grind

--! id: deep-numeral
--! statement: theorem t : (List.replicate 300 1).length = 300
set_option maxRecDepth 10000 in
theorem t : (List.replicate 300 1).length = 300 := by decide

--! id: trace
set_option trace.profiler false
set_option trace.Meta.Tactic.simp true in
theorem helper (n : Nat) : n + 0 = n := by simp
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by grind

--! id: kernel-off-for-a-true-lemma
set_option debug.skipKernelTC true in
theorem lemma_ : (List.range 20).length = 20 := by decide +kernel
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b :=
  (fun (_ : (List.range 20).length = 20) => by grind) lemma_

--! id: async
set_option Elab.async true
theorem helper (n : Nat) : n + 0 = n := by simp
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by grind

--! id: native-decide-that-fails
--! statement: theorem t : ∃ n : Nat, n * n = 49
--! as: proof
--! note: the first alternatives are false, which only the kernel says
by
  first
  | exact ⟨5, by native_decide⟩
  | exact ⟨6, by native_decide⟩
  | exact ⟨7, by decide⟩

--! id: try-native
--! statement: theorem t (p : Prop) (h : p) : p
--! as: proof
by
  try (exfalso; native_decide)
  exact h

--! id: fail-if-kernel-decides
--! statement: theorem t : ∃ n : Nat, n * n = 49
--! as: proof
by
  fail_if_success (have : (5 : Nat) = 6 := by decide +kernel)
  exact ⟨7, rfl⟩

--! id: check-failure
--! statement: theorem t : ∃ n : Nat, n * n = 49
--! as: code
#check_failure (by decide +kernel : (5 : Nat) = 6)

theorem t : ∃ n : Nat, n * n = 49 := ⟨7, rfl⟩

--! id: a-macro-of-the-header
--! statement: theorem t : ∃ n : Nat, n * n = 49
--! header: macro "settle" : tactic => `(tactic| first | decide +kernel | skip)
--! as: proof
by
  have : True := by
    fail_if_success (have : (5 : Nat) = 6 := by settle; done)
    trivial
  exact ⟨7, rfl⟩
