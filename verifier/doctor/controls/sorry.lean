--! statement: theorem t (n : Nat) : n ≤ n * n + n

--! id: word-in-a-comment
--! as: proof
by
  -- sorry, admit and stop are only words here
  exact Nat.le_add_left n (n * n)

--! id: word-in-a-docstring
/-- This used to be `sorry`. -/
theorem t (n : Nat) : n ≤ n * n + n := Nat.le_add_left n (n * n)

--! id: word-in-a-name
theorem no_sorry (n : Nat) : n ≤ n * n + n := Nat.le_add_left n (n * n)
theorem t (n : Nat) : n ≤ n * n + n := no_sorry n

--! id: word-in-a-string
theorem t (n : Nat) : n ≤ n * n + n := by
  have _ : "sorry".length = 5 := rfl
  exact Nat.le_add_left n (n * n)

--! id: sorry-in-an-example
example : 2 + 2 = 5 := by sorry
theorem t (n : Nat) : n ≤ n * n + n := Nat.le_add_left n (n * n)

--! id: sorry-in-an-unused-lemma
theorem unused (n : Nat) : n * n = n := sorry
theorem t (n : Nat) : n ≤ n * n + n := Nat.le_add_left n (n * n)

--! id: hole-that-is-filled
--! as: proof
by
  refine Nat.le_trans (m := n + 0) ?_ ?step
  case step => exact Nat.le_add_left n (n * n)
  exact Nat.le_refl n

--! id: first-alternative-fails
--! as: proof
by
  first
  | exact absurd rfl (by decide)
  | exact Nat.le_add_left _ _

--! id: try-that-fails
--! as: proof
by
  try rfl
  exact Nat.le_add_left _ _

--! id: fail-if-success
--! as: proof
by
  fail_if_success rfl
  exact Nat.le_add_left _ _

--! id: guarded-message
#guard_msgs (drop info) in
#check Nat.le_add_left
theorem t (n : Nat) : n ≤ n * n + n := Nat.le_add_left n (n * n)

--! id: guarded-error-elsewhere
#guard_msgs (drop error) in
example : (1 : Nat) = 2 := by rfl
theorem t (n : Nat) : n ≤ n * n + n := Nat.le_add_left n (n * n)

--! id: have-with-a-proof
--! as: proof
by
  have h : 0 ≤ n * n := Nat.zero_le _
  omega

--! id: where-with-a-proof
theorem t (n : Nat) : n ≤ n * n + n := helper n
where helper (m : Nat) : m ≤ m * m + m := Nat.le_add_left m (m * m)

--! id: termination-proved
theorem t (n : Nat) : n ≤ n * n + n :=
  if h : n = 0 then by subst h; decide
  else
    have _ := t (n - 1)
    Nat.le_add_left n (n * n)
termination_by n
decreasing_by omega

--! id: instance-proved
instance small (n : Nat) : Decidable (n ≤ n * n + n) := .isTrue (Nat.le_add_left _ _)
theorem t (n : Nat) : n ≤ n * n + n := @of_decide_eq_true _ (small n) rfl

--! id: macro-of-a-real-proof
macro "finish" : tactic => `(tactic| first | omega | exact Nat.le_add_left _ _)
theorem t (n : Nat) : n ≤ n * n + n := by finish

