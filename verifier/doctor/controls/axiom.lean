--! statement: theorem t (p : Prop) : p ∨ ¬p

--! id: em
--! as: proof
Classical.em p

--! id: by-cases
--! as: proof
by
  by_cases h : p
  · exact Or.inl h
  · exact Or.inr h

--! id: propext
--! statement: theorem t (p q : Prop) (h : p ↔ q) : p = q
theorem t (p q : Prop) (h : p ↔ q) : p = q := propext h

--! id: funext
--! statement: theorem t (f g : Nat → Nat) (h : ∀ n, f n = g n) : f = g
theorem t (f g : Nat → Nat) (h : ∀ n, f n = g n) : f = g := funext h

--! id: choice
--! statement: theorem t (r : Nat → Nat → Prop) (h : ∀ n, ∃ m, r n m) : ∃ f : Nat → Nat, ∀ n, r n (f n)
theorem t (r : Nat → Nat → Prop) (h : ∀ n, ∃ m, r n m) : ∃ f : Nat → Nat, ∀ n, r n (f n) :=
  ⟨fun n => Classical.choose (h n), fun n => Classical.choose_spec (h n)⟩

--! id: quotient
--! statement: theorem t (n : Nat) : ∃ m, m % 2 = n % 2 ∧ m < 2
def parity : Setoid Nat where
  r a b := a % 2 = b % 2
  iseqv := ⟨fun _ => rfl, fun h => h.symm, fun h k => h.trans k⟩
def rest : Quotient parity → Nat := Quotient.lift (· % 2) fun _ _ h => h
theorem same (n : Nat) : Quotient.mk parity n = Quotient.mk parity (n % 2) := Quotient.sound (by
  show n % 2 = n % 2 % 2
  omega)
theorem t (n : Nat) : ∃ m, m % 2 = n % 2 ∧ m < 2 :=
  ⟨rest (Quotient.mk parity n), by show n % 2 % 2 = n % 2; omega, by show n % 2 < 2; omega⟩

--! id: unused-axiom
axiom unused : False
theorem t (p : Prop) : p ∨ ¬p := Classical.em p

--! id: word-in-a-string
def text := "axiom cheat : False"
theorem t (p : Prop) : p ∨ ¬p := Classical.em p

--! id: word-in-a-comment
-- axiom cheat : False
/- axiom, sorry, native_decide, unsafe, implemented_by -/
theorem t (p : Prop) : p ∨ ¬p := Classical.em p

--! id: word-in-a-name
theorem axiom_of_choice_free (p : Prop) (h : p) : p ∨ ¬p := Or.inl h
theorem t (p : Prop) : p ∨ ¬p := (Classical.em p).elim (axiom_of_choice_free p) Or.inr

--! id: opaque-with-a-value
opaque secret : { n : Nat // n = n } := ⟨5, rfl⟩
theorem helper : secret.1 = secret.1 := secret.2
theorem t (p : Prop) : p ∨ ¬p := (fun _ => Classical.em p) helper

--! id: decide
--! statement: theorem t : ∀ a b : Fin 6, a + b = b + a
--! as: proof
by decide

--! id: decide-kernel
--! statement: theorem t : (List.range 200).length = 200
--! as: proof
by decide +kernel

--! id: decidable-instance
--! statement: theorem t : ∀ n : Fin 10, small n.val = true → n.val < 5
--! header: def small (n : Nat) : Bool := n < 5
instance : Decidable (∀ n : Fin 10, small n.val = true → n.val < 5) := inferInstance
theorem t : ∀ n : Fin 10, small n.val = true → n.val < 5 := by decide

--! id: omega
--! statement: theorem t (x y : Int) (h : 2 * x + 1 = 2 * y) : False
--! as: proof
by omega

--! id: grind
--! statement: theorem t (f : Nat → Nat) (a b : Nat) (h : a = b) (k : f a = 3) : f b = 3
--! as: proof
by grind

--! id: simp-all
--! statement: theorem t (l : List Nat) (h : l = []) : l.length = 0 ∧ l ++ [1] = [1]
--! as: proof
by simp_all

--! id: bool-cases
--! statement: theorem t (a b : Bool) : (a && b) = (b && a)
--! as: proof
by cases a <;> cases b <;> rfl

--! id: unreachable-noncomputable
noncomputable def witness (h : ∃ n : Nat, n > 3) : Nat := Classical.choose h
theorem spec (h : ∃ n : Nat, n > 3) : witness h > 3 := Classical.choose_spec h
theorem t (p : Prop) : p ∨ ¬p := (fun _ => Classical.em p) (spec ⟨4, by decide⟩)
