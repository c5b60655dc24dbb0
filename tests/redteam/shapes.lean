--! shape: term
theorem t[levels] [binders] : [claim] := [term]

--! shape: tactics
theorem t[levels] [binders] : [claim] := by
  [tactic]

--! shape: private helper
private theorem helper[levels] [binders] : [claim] := by
  [tactic]

theorem t[levels] [binders] : [claim] := helper [arguments]

--! shape: where
theorem t[levels] [binders] : [claim] := go [arguments]
where
  go [binders] : [claim] := by
    [tactic]

--! shape: let rec
theorem t[levels] [binders] : [claim] := by
  let rec go (k : Nat) : [claim] :=
    match k with
    | 0 => [term]
    | k + 1 => go k
  exact go 3

--! shape: section variables
universe u
section
variable [binders]
include [arguments]
theorem t : [claim] := by
  [tactic]
end

--! shape: open in
namespace Tools.Deep
theorem fact[levels] [binders] : [claim] := [term]
end Tools.Deep

open Tools Deep in
theorem t[levels] [binders] : [claim] := fact [arguments]

--! shape: root
namespace Tools
protected theorem fact[levels] [binders] : [claim] := [term]
theorem _root_.t[levels] [binders] : [claim] := Tools.fact [arguments]
end Tools

--! shape: tactic macro
macro "finish" : tactic => `(tactic| first | ([closed]) | skip)
theorem t[levels] [binders] : [claim] := by finish

--! shape: term macro
syntax "proof! " term : term
macro_rules | `(proof! $x) => `((fun y => y) $x)
theorem t[levels] [binders] : [claim] := proof! ([term])

--! shape: notation
local notation "⟪" x "⟫" => And.right (And.intro True.intro x)
local infixr:60 " thus " => fun (_ : Prop) (h : _) => h
theorem t[levels] [binders] : [claim] := ⟪[term]⟫

--! shape: structure of propositions
structure Pack (p q : Prop) : Prop where
  first : p
  second : q
theorem pack[levels] [binders] : Pack ([claim]) (1 + 1 = 2) where
  first := [term]
  second := rfl
theorem t[levels] [binders] : [claim] := (pack [arguments]).first

--! shape: structure with data
structure Labelled (p : Prop) where
  label : Nat
  proof : p
  deriving Repr
def labelled[levels] [binders] : Labelled ([claim]) := { label := 3, proof := [term] }
theorem t[levels] [binders] : [claim] := ({ labelled [arguments] with label := 4 }).proof

--! shape: class and instance
class Holds (p : Prop) : Prop where
  holds : p
instance (p q : Prop) [Holds p] [Holds q] : Holds (p ∧ q) := ⟨Holds.holds, Holds.holds⟩
theorem t[levels] [binders] : [claim] := by
  haveI : Holds ([claim]) := ⟨[term]⟩
  exact (Holds.holds (p := ([claim]) ∧ ([claim]))).2

--! shape: inductive predicate
inductive Shown (p : Prop) : Prop
  | direct : p → Shown p
  | again : Shown p → Shown p
theorem Shown.out {p : Prop} : Shown p → p
  | .direct h => h
  | .again s => s.out
theorem t[levels] [binders] : [claim] := (Shown.again (.again (.direct ([term])))).out

--! shape: induction with
theorem climb {p : Prop} (h : p) (n : Nat) : p ∧ n = n + 0 := by
  induction n with
  | zero => exact ⟨h, rfl⟩
  | succ n ih =>
    rcases ih with ⟨ih, _⟩
    exact ⟨ih, rfl⟩
theorem t[levels] [binders] : [claim] := (climb ([term]) 3).1

--! shape: well-founded theorem
theorem countdown {p : Prop} (h : p) (n : Nat) : p :=
  if zero : n = 0 then h else countdown h (n / 2)
termination_by n
decreasing_by omega
theorem t[levels] [binders] : [claim] := countdown ([term]) 5

--! shape: recursion on pairs
def ack : Nat → Nat → Nat
  | 0, n => n + 1
  | m + 1, 0 => ack m 1
  | m + 1, n + 1 => ack m (ack (m + 1) n)
termination_by m n => (m, n)
theorem ack_zero (n : Nat) : ack 0 n = n + 1 := by rw [ack]
theorem ack_one (n : Nat) : ack 1 n = n + 2 := by
  induction n with
  | zero => rw [ack, ack]
  | succ n ih => rw [ack, ih, ack]
theorem t[levels] [binders] : [claim] := by
  have _used := ack_one 2
  exact [term]

--! shape: mutual definitions
mutual
def even : Nat → Bool
  | 0 => true
  | n + 1 => odd n
def odd : Nat → Bool
  | 0 => false
  | n + 1 => even n
end
mutual
theorem even_or (n : Nat) : even n = true ∨ odd n = true := by
  cases n with
  | zero => exact Or.inl (by simp [even])
  | succ n => simpa [even, odd] using odd_or n
theorem odd_or (n : Nat) : odd n = true ∨ even n = true := by
  cases n with
  | zero => exact Or.inr (by simp [even])
  | succ n => simpa [even, odd] using even_or n
end
theorem t[levels] [binders] : [claim] := by
  cases even_or 7 with
  | inl _ => exact [term]
  | inr _ =>
    [tactic]

--! shape: deriving
inductive Tag
  | plain
  | coloured (red green : Nat)
  deriving DecidableEq, Repr, Inhabited, BEq, Hashable
theorem tags : Tag.coloured 1 2 ≠ Tag.coloured 2 1 := by decide
theorem t[levels] [binders] : [claim] :=
  if same : Tag.coloured 1 2 = Tag.coloured 2 1 then absurd same tags else [term]

--! shape: noncomputable definition
noncomputable def chosen (h : ∃ n : Nat, n > 2) : Nat := Classical.choose h
theorem chosen_spec (h : ∃ n : Nat, n > 2) : chosen h > 2 := Classical.choose_spec h
open Classical in
noncomputable def pick (p : Prop) : Nat := if p then chosen ⟨3, by decide⟩ else 3
theorem pick_spec (p : Prop) : pick p > 2 := by
  unfold pick
  split
  · exact chosen_spec _
  · decide
theorem t[levels] [binders] : [claim] := by
  have _used := pick_spec (1 = 1)
  exact [term]

--! shape: nested inductive type
inductive Tree.{v} (α : Type v) : Type v
  | node : α → List (Tree α) → Tree α
namespace Tree
mutual
def size.{v} {α : Type v} : Tree α → Nat
  | node _ ts => 1 + sizes ts
def sizes.{v} {α : Type v} : List (Tree α) → Nat
  | [] => 0
  | t :: ts => t.size + sizes ts
end
theorem size_pos.{v} {α : Type v} (t : Tree α) : 0 < t.size := by
  cases t
  rw [size]
  omega
end Tree
theorem t[levels] [binders] : [claim] := by
  have _used := Tree.size_pos (.node 1 [.node 2 [], .node 3 []])
  exact [term]

--! shape: universe polymorphism
structure Box.{v} (α : Type v) : Type v where
  val : α
def Box.map.{v, w} {α : Type v} {β : Type w} (f : α → β) (b : Box α) : Box β := ⟨f b.val⟩
theorem Box.map_id.{v} {α : Type v} (b : Box α) : b.map id = b := rfl
theorem Box.map_map.{v, w, z} {α : Type v} {β : Type w} {γ : Type z} (f : α → β) (g : β → γ) (b : Box α) :
    (b.map f).map g = b.map (g ∘ f) := rfl
theorem t[levels] [binders] : [claim] := ((Box.mk (PLift.up ([term]))).map id).val.down

--! shape: quotient
def parity : Setoid Nat where
  r a b := a % 2 = b % 2
  iseqv := ⟨fun _ => rfl, fun h => h.symm, fun h k => h.trans k⟩
def rest : Quotient parity → Nat := Quotient.lift (fun n => n % 2) fun _ _ h => h
theorem same (n : Nat) : Quotient.mk parity (n + 2) = Quotient.mk parity n :=
  Quotient.sound (show (n + 2) % 2 = n % 2 by omega)
theorem t[levels] [binders] : [claim] := by
  have _used : rest (Quotient.mk parity 7) = rest (Quotient.mk parity 5) := congrArg rest (same 5)
  exact [term]

--! shape: nested match
def rank (n : Nat) (o : Option (Nat × Bool)) : Nat :=
  match n, o with
  | 0, none => 0
  | 0, some (k, true) => k
  | 0, some (_, false) => 1
  | n + 1, o =>
    match o with
    | some (k + 1, b) => if b then k else n
    | _ => n
theorem rank_zero : rank 0 (some (3, true)) = 3 := rfl
theorem t[levels] [binders] : [claim] :=
  match rank 0 none, rank_zero with
  | 0, _ => [term]
  | _ + 1, _ => by
    [tactic]

--! shape: list functions
def total : List Nat → Nat
  | [] => 0
  | x :: xs => x + total xs
@[simp] theorem total_append (xs ys : List Nat) : total (xs ++ ys) = total xs + total ys := by
  induction xs with
  | nil => simp [total]
  | cons x xs ih => simp only [List.cons_append, total, ih, Nat.add_assoc]
theorem total_swap (xs ys : List Nat) : total (xs ++ ys) = total (ys ++ xs) := by
  simp [Nat.add_comm]
theorem t[levels] [binders] : [claim] := by
  have _used := total_swap [1, 2] [3]
  exact [term]

--! shape: list combinators
def rising (xs : List Nat) : List Nat := (xs.map (· + 1)).filter (· > 1) |>.reverse
theorem rising_nil : rising [] = [] := rfl
def sumOf (xs : Array Nat) : Nat := xs.foldl (· + ·) 0
theorem sumOf_empty : sumOf #[] = 0 := rfl
theorem t[levels] [binders] : [claim] := by
  have _used := rising_nil
  have _too := sumOf_empty
  exact [term]

--! shape: do notation
def safeDiv (n : Nat) : Nat → Option Nat
  | 0 => none
  | m + 1 => some (n / (m + 1))
def average (n m : Nat) : Option Nat := do
  let k ← safeDiv (n + m) 2
  if k > 100 then none
  return k
def search (n : Nat) : Except String Nat := do
  let mut k := n
  for i in [1, 2, 3] do
    if i = n then throw "found"
    k := k + i
  return k
theorem average_two : average 2 2 = some 2 := rfl
theorem t[levels] [binders] : [claim] := by
  have _used := average_two
  have _too : search 5 = search 5 := rfl
  exact [term]

--! shape: calc and conv
theorem helper (n m k : Nat) (h : n = m) : n + k * 1 = k + m :=
  calc n + k * 1
    _ = n + k := by conv => lhs; rw [Nat.mul_one]
    _ = m + k := by rw [h]
    _ = k + m := Nat.add_comm m k
theorem t[levels] [binders] : [claim] := by
  have _used := helper 1 1 2 rfl
  suffices h' : [claim] from h'
  exact [term]

--! shape: elaborator
--! header: import Lean
--! header: open Lean Elab Meta Command Term Tactic
elab "finish" : tactic => do evalTactic (← `(tactic| first | ([closed]) | skip))
elab "truth" : term => return mkConst ``True.intro
theorem helper : True := truth
theorem t[levels] [binders] : [claim] := by
  have _used := helper
  finish
