--! statement: theorem t (a b : Nat) : a + b = b + a

--! id: instance-of-own-type
structure Two where
  x : Nat
  y : Nat
instance : Add Two := ⟨fun a b => ⟨a.x + b.x, a.y + b.y⟩⟩
theorem Two.comm (a b : Two) : a + b = b + a := by
  show Two.mk _ _ = Two.mk _ _
  rw [Nat.add_comm, Nat.add_comm a.y]
theorem t (a b : Nat) : a + b = b + a := congrArg Two.x (Two.comm ⟨a, 0⟩ ⟨b, 0⟩)

--! id: high-priority-instance-of-own-type
inductive Sign | plus | minus
instance (priority := high) : LE Sign := ⟨fun _ _ => True⟩
theorem t (a b : Nat) : a + b = b + a := by omega

--! id: default-instance-of-own-class
class Size (α : Type) where
  size : α → Nat
@[default_instance] instance : Size Nat := ⟨id⟩
theorem t (a b : Nat) : a + b = b + a := Nat.add_comm (Size.size a) (Size.size b)

--! id: own-notation
notation "two" => (2 : Nat)
theorem helper : two + two = 4 := rfl
theorem t (a b : Nat) : a + b = b + a := Nat.add_comm a b

--! id: own-infix
local infixl:65 " ⊞ " => fun (a b : Nat) => b + a
theorem helper (a b : Nat) : a ⊞ b = a + b := Nat.add_comm b a
theorem t (a b : Nat) : a + b = b + a := (helper a b).symm

--! id: header-notation
--! statement: theorem t (n : ℕ) : n + 0 = n
--! header: local notation "ℕ" => Nat
theorem t (n : ℕ) : n + 0 = n := rfl

--! id: scoped-notation
namespace Scoped
scoped notation "∅'" => ([] : List Nat)
end Scoped
open Scoped in
theorem helper : ∅'.length = 0 := rfl
theorem t (a b : Nat) : a + b = b + a := by omega

--! id: macro-rules-for-own-syntax
syntax "same" term : term
macro_rules | `(same $x) => `(Eq.refl $x)
theorem helper (n : Nat) : n = n := same n
theorem t (a b : Nat) : a + b = b + a := (helper (a + b)).trans (Nat.add_comm a b)

--! id: open-in
namespace Sums
theorem swap (a b : Nat) : a + b = b + a := by omega
end Sums
open Sums in
theorem t (a b : Nat) : a + b = b + a := swap a b

--! id: open-hiding
open Nat hiding add_assoc in
theorem t (a b : Nat) : a + b = b + a := Nat.add_comm a b

--! id: open-renaming
open Nat renaming add_comm → swap
theorem t (a b : Nat) : a + b = b + a := swap a b

--! id: coercion-of-own-type
--! statement: theorem t (n : Nat) : (n : Int) + 0 = n
structure Wrapped where
  n : Nat
instance : Coe Wrapped Nat := ⟨Wrapped.n⟩
theorem helper (w : Wrapped) : ((w : Nat) : Int) + 0 = (w : Nat) := Int.add_zero _
theorem t (n : Nat) : (n : Int) + 0 = n := helper ⟨n⟩

--! id: function-coercion
structure Map where
  f : Nat → Nat
instance : CoeFun Map fun _ => Nat → Nat := ⟨Map.f⟩
theorem t (a b : Nat) : a + b = b + a := (rfl : (⟨(· + b)⟩ : Map) a = a + b).symm.trans (Nat.add_comm a b)

--! id: local-instance-in-proof
theorem t (a b : Nat) : a + b = b + a := by
  letI : Inhabited Nat := ⟨7⟩
  exact Nat.add_comm a b

--! id: attribute-removed-elsewhere
attribute [-simp] Nat.add_zero
theorem t (a b : Nat) : a + b = b + a := by simp [Nat.add_comm]

--! id: unexpander-of-own-definition
def double (n : Nat) := n + n
@[app_unexpander double] meta def unexpandDouble : Lean.PrettyPrinter.Unexpander
  | `($_ $n) => `(2 * $n)
  | _ => throw ()
theorem t (a b : Nat) : a + b = b + a := by omega
