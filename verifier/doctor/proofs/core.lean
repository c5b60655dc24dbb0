--! id: omega
--! note: linear arithmetic
--! statement: theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b ∧ b ≠ 0
theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b ∧ b ≠ 0 := by omega

--! id: simp
--! note: rewriting with the library's lemmas
--! statement: theorem t (xs ys : List α) : (xs ++ ys).length = ys.length + xs.length
theorem t (xs ys : List α) : (xs ++ ys).length = ys.length + xs.length := by simp [Nat.add_comm]

--! id: decide
--! note: a proposition that is evaluated
--! statement: theorem t : ∀ a : Fin 20, a.val * a.val < 400
theorem t : ∀ a : Fin 20, a.val * a.val < 400 := by decide

--! id: match-in-the-statement
--! note: a definition that Lean makes for the statement alone
--! statement: theorem t (n : Nat) : (match n with | 0 => 1 | k + 1 => k) ≤ n + 1
theorem t (n : Nat) : (match n with | 0 => 1 | k + 1 => k) ≤ n + 1 := by cases n <;> simp <;> omega

--! id: structural-recursion
--! note: a function by recursion on its argument
--! statement: theorem t : ∃ f : Nat → Nat, f 0 = 0 ∧ ∀ n, f (n + 1) = f n + 2
def double : Nat → Nat
  | 0 => 0
  | n + 1 => double n + 2
theorem t : ∃ f : Nat → Nat, f 0 = 0 ∧ ∀ n, f (n + 1) = f n + 2 := ⟨double, rfl, fun _ => rfl⟩

--! id: nested-recursion
--! note: a type that is nested in lists
--! statement: theorem t : 1 + 1 = 2
inductive Tree where
  | node (children : List Tree)
def Tree.isLeaf : Tree → Bool
  | .node children => children.isEmpty
theorem leaf : (Tree.node []).isLeaf = true := rfl
theorem t : 1 + 1 = 2 := by have := leaf; rfl

--! id: well-founded-recursion
--! note: a function by recursion on a measure
--! statement: theorem t : ∃ f : Nat → Nat, f 0 = 0
def halve (n : Nat) : Nat := if h : n < 2 then 0 else halve (n - 2) + 1
termination_by n
decreasing_by omega
theorem t : ∃ f : Nat → Nat, f 0 = 0 := ⟨halve, by unfold halve; rfl⟩

--! id: private-helper
--! note: a name that cannot be written elsewhere
--! statement: theorem t (n : Nat) : n * 2 = n + n
private theorem helper (n : Nat) : n * 2 = n + n := Nat.mul_two n
theorem t (n : Nat) : n * 2 = n + n := helper n

--! id: where-helper
--! note: a definition behind its use
--! statement: theorem t : ∃ n : Nat, n = 7
def seven : Nat := go 3 where
  go (n : Nat) : Nat := n + 4
theorem t : ∃ n : Nat, n = 7 := ⟨seven, rfl⟩

--! id: universes
--! note: a statement for every universe
--! statement: theorem t {α : Sort u} {β : Sort v} (f : α → β) : (fun x => f x) = f
theorem t {α : Sort u} {β : Sort v} (f : α → β) : (fun x => f x) = f := rfl

--! id: realised-lemmas
--! note: lemmas that Lean makes of an imported definition when they are asked for
--! statement: theorem t (xs : List Nat) : (0 :: xs).takeWhile (· == 0) = 0 :: xs.takeWhile (· == 0)
theorem empty (p : Nat → Bool) : ([] : List Nat).takeWhile p = [] := by unfold List.takeWhile; rfl
theorem t (xs : List Nat) : (0 :: xs).takeWhile (· == 0) = 0 :: xs.takeWhile (· == 0) := by
  have := empty (· == 0)
  simp [List.takeWhile]

--! id: induction
--! note: cases, an induction hypothesis, calculation
--! statement: theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * (a * b) + b * b
theorem t (a b : Nat) : (a + b) * (a + b) = a * a + 2 * (a * b) + b * b := by
  rw [Nat.mul_add, Nat.add_mul, Nat.add_mul, Nat.mul_comm b a]
  omega

--! id: classical
--! note: all three axioms that are allowed
--! statement: theorem t (p : Prop) : p ∨ ¬p
theorem t (p : Prop) : p ∨ ¬p := Classical.em p

--! id: header-and-notation
--! note: what the header defines and opens, in the statement and in the proof
--! header: def twice (n : Nat) : Nat := n + n
--! header: local notation "⟪" n "⟫" => twice n
--! statement: theorem t (n : Nat) : ⟪n⟫ = 2 * n
theorem t (n : Nat) : ⟪n⟫ = 2 * n := by unfold twice; omega
