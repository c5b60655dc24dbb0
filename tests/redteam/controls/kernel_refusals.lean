--! statement: theorem t : ∃ n : Nat, n * n = 49

--! id: native-decide-that-fails
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
--! as: proof
by
  fail_if_success (have : (5 : Nat) = 6 := by decide +kernel)
  exact ⟨7, rfl⟩

--! id: check-failure
--! as: code
#check_failure (by decide +kernel : (5 : Nat) = 6)

theorem t : ∃ n : Nat, n * n = 49 := ⟨7, rfl⟩

--! id: a-macro-of-the-header
--! header: macro "settle" : tactic => `(tactic| first | decide +kernel | skip)
--! as: proof
by
  have : True := by
    fail_if_success (have : (5 : Nat) = 6 := by settle; done)
    trivial
  exact ⟨7, rfl⟩
