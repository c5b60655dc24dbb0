--! statement: theorem t (n : Nat) : n * n = n

--! id: added-hypothesis
--! must: statement_mismatch
--! note: a hypothesis more
theorem t (n : Nat) (h : n = 1) : n * n = n := by subst h; rfl

--! id: weaker-conclusion
--! must: statement_mismatch
--! note: an escape in the conclusion
theorem t (n : Nat) : n * n = n ∨ True := Or.inr trivial

--! id: instance-of-it
--! must: statement_mismatch
--! note: the statement at one point
theorem t : (1 : Nat) * 1 = 1 := rfl

--! id: other-type
--! must: statement_mismatch
--! note: the same letters over another type
theorem t (n : Unit) : n = n := rfl

--! id: implicit-binder
--! must: statement_mismatch
--! note: the binder is another kind of binder and has a default that is a proof
theorem t (n : Nat) (h : n * n = n := by trivial) : n * n = n := h

--! id: variable-hypothesis
--! must: statement_mismatch
--! note: the hypothesis comes from a `variable`
variable (n : Nat) (h : n * n = n)
include h
omit h in
theorem unrelated : True := trivial
theorem t : n * n = n := h

--! id: variable-instance
--! must: statement_mismatch
--! note: a class of one's own as an instance argument is a hypothesis in disguise
class Lucky (n : Nat) : Prop where
  lucky : n * n = n
variable (n : Nat) [Lucky n]
theorem t : n * n = n := Lucky.lucky

--! id: auto-bound-type
--! must: statement_mismatch
--! note: the name of a type is misspelt with a look-alike, so it is bound on the way
--! statement: theorem t (n : N) : n = 0
--! header: abbrev N := Nat
namespace Other
theorem t (n : Ν) : n = n := rfl
end Other
theorem t {Ν : Type} (n m : Ν) (h : n = m) : n = m := h

--! id: auto-bound-proposition
--! must: statement_mismatch
--! note: a Greek capital Rho is a new variable under `autoImplicit`, and the theorem holds of what is assumed
--! statement: theorem t (h : P ∧ P) : Q
--! header: def P : Prop := True
--! header: def Q : Prop := False
set_option autoImplicit true in
theorem t (h : Q ∧ Ρ) : Q := h.1

--! id: universe-lowered
--! must: statement_mismatch
--! note: the claim for all universes is shown for the lowest, where it is easy
--! statement: theorem t.{u} (α : Sort u) (a b : α) : a = b
theorem t (α : Prop) (a b : α) : a = b := rfl

--! id: universe-shared
--! must: statement_mismatch
--! note: two universes are made one
--! statement: theorem t.{u, v} (α : Type u) (β : Type v) (f : α → β) (a : α) : f a = f a
theorem t.{u} (α : Type u) (β : Type u) (f : α → β) (a : α) : f a = f a := rfl

--! id: universe-swapped
--! must: statement_mismatch
--! note: the same two names in the other order
--! statement: theorem t.{u, v} (α : Type u) (β : Type v) : True
theorem t.{u, v} (α : Type v) (β : Type u) : True := trivial

--! id: order-of-binders
--! must: statement_mismatch
--! note: the order of `a` and `b` is the order of the claim
--! statement: theorem t (a b : Nat) (h : a ≤ b) : a < b + 1
theorem t (b a : Nat) (h : a ≤ b) : b < a + 1 ∨ True := Or.inr trivial

--! id: unicode-look-alike
--! must: missing_declaration
--! note: the name is spelt with a Greek letter, the theorem under the right name is missing
--! statement: theorem top (n : Nat) : n * n = n
theorem tοp (n : Nat) (h : n = 1) : n * n = n := by subst h; rfl

--! id: name-with-a-dot
--! must: missing_declaration
--! note: `«a.b»` is one part and prints as `a.b` where quotes are dropped
--! statement: theorem a.b (n : Nat) : n * n = n
theorem «a.b» (n : Nat) (h : n = 1) : n * n = n := by subst h; rfl

--! id: private-name
--! must: missing_declaration
--! note: a private name prints like the public one
private theorem t (n : Nat) (h : n = 1) : n * n = n := by subst h; rfl

--! id: namespace-suffix
--! must: missing_declaration
--! note: the name only ends with the target's
namespace Hidden
theorem t (n : Nat) (h : n = 1) : n * n = n := by subst h; rfl
end Hidden
open Hidden

--! id: namespace-shadow
--! must: missing_declaration
--! note: in a namespace the operators are one's own
namespace Mine
scoped infixl:70 (priority := high) " * " => fun (_ b : Nat) => b
theorem t (n : Nat) : n * n = n := rfl
end Mine

--! id: root-shadow
--! must: statement_mismatch
--! note: `_root_` gets the name out of the namespace in which `Nat` is another type
namespace Mine
inductive Nat | zero
instance : Mul Mine.Nat := ⟨fun a _ => a⟩
theorem _root_.t (n : Nat) : n * n = n := rfl
end Mine

--! id: section-variable-shadow
--! must: statement_mismatch
--! note: `Nat` is a bound variable of the section
section
variable (Nat : Type) [Mul Nat] [Std.IdempotentOp (α := Nat) (· * ·)]
theorem t (n : Nat) : n * n = n := Std.IdempotentOp.idempotent n
end

--! id: let-in-statement
--! must: statement_mismatch
--! note: a `let` in the type gives `n` another value
theorem t (n : Nat) : let n := 1 * (n - n); n * n = n := by simp

--! id: mutual-pair
--! must: statement_mismatch
--! note: the statement is there, but under the other name of a pair
mutual
theorem t (n : Nat) (h : n = 1) : n * n = n := by subst h; rfl
theorem t' (n : Nat) (h : n = 1) : n * n = n := t n h
end
