--! statement: theorem t : (1 : Nat) = 2

--! id: endless-eval
--! must: timeout, crashed
--! seconds: 5
--! note: never returns
partial def spin (n : Nat) : Nat := spin (n + 1)
#eval spin 0
theorem t : (1 : Nat) = 2 := by rfl

--! id: sleep
--! must: timeout, crashed
--! seconds: 3
--! note: waits, without using the processor
#eval (IO.sleep 900000 : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: deep-recursion
--! must: rejected, crashed, timeout, resource_exhausted
--! seconds: 5
--! note: the stack of the interpreter
def deep : Nat → Nat | 0 => 0 | n + 1 => deep n + 1
#eval deep 100000000
theorem t : (1 : Nat) = 2 := by rfl

--! id: memory
--! must: rejected, crashed, timeout, resource_exhausted
--! seconds: 5
--! note: doubles a string until there is no memory
def grow : Nat → String → String | 0, s => s | n + 1, s => grow n (s ++ s)
#eval (grow 40 "0123456789").length
theorem t : (1 : Nat) = 2 := by rfl

--! id: heavy-decide
--! must: rejected
--! note: more steps than the budget
--! statement: theorem t : ∀ a b c d : Fin 60, a + b + c + d = d + c + b + a
theorem t : ∀ a b c d : Fin 60, a + b + c + d = d + c + b + a := by decide

--! id: heavy-kernel-decide
--! must: timeout, rejected, resource_exhausted, crashed
--! seconds: 5
--! note: the kernel has no budget
--! statement: theorem t : (List.range 100000000).length = 100000001
theorem t : (List.range 100000000).length = 100000001 := by decide +kernel

--! id: endless-macro
--! must: rejected, crashed, timeout
--! seconds: 5
--! note: a macro that expands to itself
syntax "again" : tactic
macro_rules | `(tactic| again) => `(tactic| (skip; again))
theorem t : (1 : Nat) = 2 := by again

--! id: growing-macro
--! must: rejected, timeout, crashed, resource_exhausted
--! seconds: 5
--! note: each macro squares what the one before makes
macro "two " x:term:max : term => `(($x + $x))
macro "four " x:term:max : term => `(two (two $x))
macro "sixteen " x:term:max : term => `(four (four $x))
macro "many " x:term:max : term => `(sixteen (sixteen $x))
macro "more " x:term:max : term => `(many (many $x))
theorem t : (1 : Nat) = 2 := by
  have : more (more 1) = 0 := rfl
  exact absurd this (by decide)

--! id: huge-power
--! must: rejected, resource_exhausted, crashed, timeout
--! seconds: 5
--! note: a number with more digits than memory
--! statement: theorem t : 2 ^ (2 ^ 40) % 3 = 2
theorem t : 2 ^ (2 ^ 40) % 3 = 2 := by decide +kernel

--! id: endless-rewriting
--! must: rejected
--! note: a simp set that goes round
--! statement: theorem t (f g : Nat → Nat) (h : ∀ x, f x = g (x + 1)) (k : ∀ x, g x = f (x + 1)) : f 0 = 0
theorem t (f g : Nat → Nat) (h : ∀ x, f x = g (x + 1)) (k : ∀ x, g x = f (x + 1)) : f 0 = 0 := by
  simp [h, k]

--! id: exponential-unification
--! must: rejected, timeout
--! seconds: 5
--! note: two towers of functions that differ at the bottom
def pair (a : Nat × Nat) : Nat × Nat := (a.1 + a.2, a.2 + a.1)
theorem t : (1 : Nat) = 2 := by
  have : (pair (pair (pair (pair (pair (pair (pair (pair (pair (pair (0, 1))))))))))).1 =
    (pair (pair (pair (pair (pair (pair (pair (pair (pair (pair (1, 1))))))))))).1 := rfl
  exact absurd this (by decide)

--! id: instance-loop
--! must: rejected
--! note: instances that need each other
class A (n : Nat) where
class B (n : Nat) where
instance [B (n + 1)] : A n := {}
instance [A (n + 1)] : B n := {}
theorem t : (1 : Nat) = 2 := by
  have _ : A 0 := inferInstance
  decide

--! id: long-output
--! must: rejected, timeout, resource_exhausted, crashed
--! seconds: 5
--! note: a message of five megabytes would fill every log
def grow : Nat → String → String | 0, s => s | n + 1, s => grow n (s ++ s)
#eval grow 19 "0123456789"
theorem t : (1 : Nat) = 2 := by rfl

--! id: many-declarations
--! must: rejected, incomplete
--! note: 756 theorems before the one that counts
macro "m1" : command => `(theorem a : True := trivial theorem b : True := trivial theorem c : True := trivial)
macro "m2" : command => `(m1 m1 m1 m1 m1 m1)
macro "m3" : command => `(m2 m2 m2 m2 m2 m2)
macro "m4" : command => `(m3 m3 m3 m3 m3 m3 m3)
m4
theorem t : (1 : Nat) = 2 := by decide
