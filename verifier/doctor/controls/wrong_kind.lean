--! statement: theorem t (n : Nat) : Even' (n + n)
--! header: def Even' (n : Nat) : Prop := ∃ k, n = 2 * k

--! id: definition-beside
def half (n : Nat) : Nat := n / 2
theorem half_double (n : Nat) : n + n = 2 * half (n + n) := by unfold half; omega
theorem t (n : Nat) : Even' (n + n) := ⟨half (n + n), half_double n⟩

--! id: abbreviation-beside
abbrev twice (n : Nat) := n + n
theorem helper (n : Nat) : Even' (twice n) := ⟨n, by unfold twice; omega⟩
theorem t (n : Nat) : Even' (n + n) := helper n

--! id: instance-of-a-proposition
class IsEven (n : Nat) : Prop where
  even : Even' n
instance double_even (n : Nat) : IsEven (n + n) := ⟨n, by omega⟩
theorem t (n : Nat) : Even' (n + n) := IsEven.even

--! id: structure-beside
structure Half (n : Nat) where
  half : Nat
  eq : n = 2 * half
def Half.double (n : Nat) : Half (n + n) := ⟨n, by omega⟩
theorem t (n : Nat) : Even' (n + n) := ⟨(Half.double n).half, (Half.double n).eq⟩

--! id: inductive-predicate
inductive E : Nat → Prop
  | zero : E 0
  | step {n : Nat} : E n → E (n + 2)
theorem E.even {n : Nat} (h : E n) : Even' n := by
  induction h with
  | zero => exact ⟨0, rfl⟩
  | step _ ih => obtain ⟨k, hk⟩ := ih; exact ⟨k + 1, by omega⟩
theorem E.double : (n : Nat) → E (n + n)
  | 0 => .zero
  | n + 1 => by
    have : n + 1 + (n + 1) = n + n + 2 := by omega
    rw [this]; exact .step (E.double n)
theorem t (n : Nat) : Even' (n + n) := (E.double n).even

--! id: lemma-with-attributes
@[simp] theorem double (n : Nat) : n + n = 2 * n := by omega
theorem t (n : Nat) : Even' (n + n) := ⟨n, by simp⟩

--! id: theorem-macro
macro "prove " n:ident " : " p:term " by " v:term : command => `(theorem $n : $p := $v)
prove helper : (∀ n : Nat, n + n = 2 * n) by fun n => by omega
theorem t (n : Nat) : Even' (n + n) := ⟨n, helper n⟩

--! id: whole-theorem-by-macro
--! statement: theorem t : 1 + 1 = 2
macro "prove " n:ident " : " p:term " by " v:term : command => `(theorem $n : $p := $v)
prove t : 1 + 1 = 2 by rfl

--! id: deriving
inductive Colour | red | green | blue
  deriving DecidableEq, Repr, Inhabited
theorem distinct : Colour.red ≠ Colour.blue := by decide
theorem t (n : Nat) : Even' (n + n) := (fun _ => ⟨n, by omega⟩) distinct

--! id: opaque-beside
opaque hidden : Nat
theorem helper : hidden + hidden = 2 * hidden := by omega
theorem t (n : Nat) : Even' (n + n) := ⟨n, by have := helper; omega⟩

--! id: equations-of-imported-functions
--! statement: theorem t (xs : List Nat) : (xs.filter (· > 0)).length ≤ xs.length
theorem t (xs : List Nat) : (xs.filter (· > 0)).length ≤ xs.length := by
  induction xs with
  | nil => simp
  | cons x xs ih =>
    unfold List.filter
    split <;> simp only [List.length_cons] <;> omega

--! id: functional-induction-on-an-import
--! statement: theorem t (xs : List Nat) : (xs.filter (· > 0)).length ≤ xs.length
theorem t (xs : List Nat) : (xs.filter (· > 0)).length ≤ xs.length := by
  fun_induction List.filter (· > 0) xs <;> simp_all <;> omega

--! id: functional-induction-on-own-function
--! statement: theorem t (n : Nat) : half n ≤ n
--! header: def half (n : Nat) : Nat := if n < 2 then 0 else half (n - 2) + 1
theorem t (n : Nat) : half n ≤ n := by
  fun_induction half n <;> omega
