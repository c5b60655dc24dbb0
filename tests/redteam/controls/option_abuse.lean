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
