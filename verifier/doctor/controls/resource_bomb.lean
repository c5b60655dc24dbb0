--! statement: theorem t (n : Nat) : n < 2 ^ n

--! id: big-number
--! statement: theorem t : 2 ^ 4000 % 7 = 2
theorem t : 2 ^ 4000 % 7 = 2 := by decide +kernel

--! id: long-sum
--! statement: theorem t (a b c d e f g h : Nat) : a+b+c+d+e+f+g+h = h+g+f+e+d+c+b+a
theorem t (a b c d e f g h : Nat) : a+b+c+d+e+f+g+h = h+g+f+e+d+c+b+a := by omega

--! id: long-simp-chain
--! statement: theorem t (l : List Nat) : (((l ++ []) ++ []).map id).map id = l
theorem t (l : List Nat) : (((l ++ []) ++ []).map id).map id = l := by simp

--! id: many-cases
--! statement: theorem t (a b c d : Bool) : (a && (b || (c && d))) = ((a && b) || (a && c && d))
theorem t (a b c d : Bool) : (a && (b || (c && d))) = ((a && b) || (a && c && d)) := by
  cases a <;> cases b <;> cases c <;> cases d <;> rfl

--! id: recursion-in-a-proof
theorem t : (n : Nat) → n < 2 ^ n
  | 0 => by decide
  | n + 1 => by have := t n; rw [Nat.pow_succ]; omega

--! id: finite-check
--! statement: theorem t : ∀ a b : Fin 12, (a.val + b.val) % 2 = (a.val % 2 + b.val % 2) % 2
theorem t : ∀ a b : Fin 12, (a.val + b.val) % 2 = (a.val % 2 + b.val % 2) % 2 := by decide

--! id: eval-of-a-loop
def sum : Nat → Nat | 0 => 0 | n + 1 => sum n + n
#eval sum 1000
theorem t (n : Nat) : n < 2 ^ n := Nat.lt_two_pow_self

--! id: macro-that-recurses
syntax "climb" num : tactic
macro_rules
  | `(tactic| climb 0) => `(tactic| exact Nat.lt_two_pow_self)
  | `(tactic| climb 1) => `(tactic| climb 0)
  | `(tactic| climb 2) => `(tactic| climb 1)
theorem t (n : Nat) : n < 2 ^ n := by climb 2

--! id: repeat-tactic
--! statement: theorem t : True ∧ True ∧ True ∧ True ∧ True ∧ True
theorem t : True ∧ True ∧ True ∧ True ∧ True ∧ True := by repeat' constructor
