--! statement: theorem t (a b : Nat) (h : a ≤ b) : a < b + 1

--! id: renamed-binders
theorem t (x y : Nat) (le : x ≤ y) : x < y + 1 := by omega

--! id: binders-as-forall
theorem t : ∀ (a b : Nat) (_ : a ≤ b), a < b + 1 := by intros; omega

--! id: binders-one-by-one
theorem t (a : Nat) (b : Nat) (h : a ≤ b) : a < b + 1 := Nat.lt_succ_of_le h

--! id: variable-binders
variable (a b : Nat)
theorem t (h : a ≤ b) : a < b + 1 := by omega

--! id: variable-not-used
variable (n : Nat) (h : n = 1)
theorem t (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega

--! id: namespace-of-the-target
--! statement: theorem Deep.Inside.t (n : Nat) : n = n
namespace Deep
namespace Inside
theorem t (n : Nat) : n = n := rfl
end Inside
end Deep

--! id: root-of-a-namespace
namespace Deep
theorem _root_.t (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega
end Deep

--! id: french-quotes
--! statement: theorem «a theorem with spaces» : 1 + 1 = 2
theorem «a theorem with spaces» : 1 + 1 = 2 := rfl

--! id: french-quotes-without-need
theorem «t» (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega

--! id: quoted-dot
--! statement: theorem «a.b» (n : Nat) : n + 0 = n
theorem «a.b» (n : Nat) : n + 0 = n := rfl

--! id: unicode-names
--! statement: theorem größe₁' (α β : Nat) : α + β = β + α
--! as: proof
Nat.add_comm α β

--! id: unicode-letters
--! statement: theorem τ (κ₁ μ : Nat) (h₀ : κ₁ = μ) : μ = κ₁
theorem τ (κ₁ μ : Nat) (h₀ : κ₁ = μ) : μ = κ₁ := h₀.symm

--! id: universe-names
--! statement: theorem t.{u, v} (α : Type u) (β : Type v) (a : α) (b : β) : (a, b).1 = a
theorem t.{w, z} (α : Type w) (β : Type z) (a : α) (b : β) : (a, b).1 = a := rfl

--! id: universe-command
--! statement: theorem t.{u} (α : Type u) (a : α) : a = a
universe u
theorem t (α : Type u) (a : α) : a = a := rfl

--! id: auto-implicit-both
--! statement: theorem t {α : Type} (a b : α) (h : a = b) : b = a
set_option autoImplicit true
theorem helper (a b : γ) (h : a = b) : b = a := h.symm
theorem t {α : Type} (a b : α) (h : a = b) : b = a := helper a b h

--! id: docstring-and-attributes
/-- Follows from `Nat.lt_succ_of_le`. -/
@[simp, grind .] theorem t (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega

--! id: protected
--! statement: theorem Deep.t (a b : Nat) (h : a ≤ b) : a < b + 1
namespace Deep
@[local simp] protected theorem t (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega
end Deep

--! id: private-lemma
private theorem lemma_ (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega
theorem t (a b : Nat) (h : a ≤ b) : a < b + 1 := lemma_ a b h

--! id: same-name-in-another-namespace
namespace Other
theorem t : True := trivial
end Other
theorem t (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega

--! id: mutual-theorems
--! statement: theorem t (n : Nat) : 0 ≤ n
mutual
theorem t (n : Nat) : 0 ≤ n := Nat.zero_le n
theorem t' (n : Nat) : 0 ≤ n + n := t (n + n)
end
