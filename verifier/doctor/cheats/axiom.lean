--! statement: theorem t : (1 : Nat) = 2

--! id: axiom
--! must: disallowed_axiom
--! note: the claim is postulated
axiom cheat : (1 : Nat) = 2
theorem t : (1 : Nat) = 2 := cheat

--! id: axiom-through-helpers
--! must: disallowed_axiom
--! note: three lemmas stand between
axiom cheat : False
theorem a : 1 = 3 := cheat.elim
theorem b : 1 = 4 := absurd a (by decide)
theorem t : (1 : Nat) = 2 := absurd b (by decide)

--! id: private-axiom
--! must: disallowed_axiom
--! note: its name cannot be written elsewhere
private axiom cheat : False
theorem t : (1 : Nat) = 2 := cheat.elim

--! id: axiom-in-a-namespace-of-trust
--! must: disallowed_axiom
--! note: it is named as if Lean's own
axiom Classical.choice' : False
theorem t : (1 : Nat) = 2 := Classical.choice'.elim

--! id: axiom-named-propext
--! must: disallowed_axiom
--! note: the allowed name in another namespace
namespace Mine
axiom propext : False
theorem _root_.t : (1 : Nat) = 2 := Mine.propext.elim
end Mine

--! id: axiom-named-with-quotes
--! must: disallowed_axiom
--! note: one name part that prints as an allowed axiom's two
axiom «Classical.choice» : False
theorem t : (1 : Nat) = 2 := «Classical.choice».elim

--! id: axiom-named-Quot.sound
--! must: disallowed_axiom
--! note: the allowed name as one part
axiom «Quot.sound» : False
theorem t : (1 : Nat) = 2 := «Quot.sound».elim

--! id: axiom-under-opaque
--! must: disallowed_axiom
--! note: an `opaque` of the axiom
axiom cheat : False
opaque hidden : False := cheat
theorem t : (1 : Nat) = 2 := hidden.elim

--! id: axiom-in-an-instance
--! must: disallowed_axiom
--! note: the instance is found, not named
class Absurd where
  absurd : False
axiom cheat : False
instance : Absurd := ⟨cheat⟩
theorem t : (1 : Nat) = 2 := (inferInstanceAs Absurd).absurd.elim

--! id: axiomatic-instance
--! must: disallowed_axiom
--! note: the axiom is an instance itself
axiom cheat : Decidable ((1 : Nat) = 2)
axiom isTrue' : @decide ((1 : Nat) = 2) cheat = true
theorem t : (1 : Nat) = 2 := @of_decide_eq_true _ cheat isTrue'

--! id: axiom-by-macro
--! must: disallowed_axiom
--! note: a command macro writes it, under a hygienic name
macro "trust" n:ident " : " p:term : command => `(axiom cheat : $p
theorem $n : $p := cheat)
trust t : (1 : Nat) = 2

--! id: axiom-in-the-type-of-a-helper
--! must: disallowed_axiom
--! note: only the type of what is used mentions it
axiom Two : Type
axiom two : Two
axiom collapse : Two → (1 : Nat) = 2
def Holder (_ : Two) : Type := PUnit
structure Carrier where
  two : Two
  eq : (1 : Nat) = 2
noncomputable def carrier : Carrier := ⟨two, collapse two⟩
theorem t : (1 : Nat) = 2 := carrier.eq

--! id: axiom-in-a-structure-field-default
--! must: disallowed_axiom
--! note: the field's default value is where it stands
axiom cheat : (1 : Nat) = 2
structure Facts where
  eq : (1 : Nat) = 2 := cheat
theorem t : (1 : Nat) = 2 := ({} : Facts).eq

--! id: axiom-in-a-tactic-default
--! must: disallowed_axiom
--! note: an automatic argument brings it in
axiom cheat : (1 : Nat) = 2
theorem helper (h : (1 : Nat) = 2 := by exact cheat) : (1 : Nat) = 2 := h
theorem t : (1 : Nat) = 2 := helper

--! id: axiom-simp-lemma
--! must: disallowed_axiom
--! note: `simp` finds it
@[simp] axiom cheat : (1 : Nat) = x
theorem t : (1 : Nat) = 2 := by first | exact cheat | simp

--! id: axiom-of-a-universe
--! must: disallowed_axiom
--! note: one level parameter and any type: a choice without a witness
axiom anything.{u} (α : Sort u) : α
theorem t : (1 : Nat) = 2 := anything _

--! id: axiom-in-termination
--! must: disallowed_axiom
--! note: the recursion does not end; its measure decreases by postulate
axiom cheat (n : Nat) : n + 1 < n
def loop (n : Nat) : False := loop (n + 1)
termination_by n
decreasing_by exact cheat n
theorem t : (1 : Nat) = 2 := (loop 0).elim

--! id: native-decide
--! must: disallowed_axiom, rejected
--! note: the compiler is believed
--! statement: theorem t : (List.range 1000).length = 1000
theorem t : (List.range 1000).length = 1000 := by native_decide

--! id: ofReduceBool
--! must: disallowed_axiom, rejected, incomplete, kernel_rejected
--! note: the axiom behind `native_decide`, by hand, with a doctored implementation
--! statement: theorem t : False
def yes : Bool := true
@[implemented_by yes] def no : Bool := false
theorem t : False := Bool.noConfusion (Lean.ofReduceBool no true rfl)

--! id: ofReduceNat
--! must: disallowed_axiom, rejected, incomplete, kernel_rejected
--! note: the same for numbers
def two : Nat := 2
@[implemented_by two] def one : Nat := 1
theorem t : (1 : Nat) = 2 := Lean.ofReduceNat one 2 rfl

--! id: reduceBool-csimp
--! must: disallowed_axiom, rejected
--! note: a postulated `csimp` lemma changes what the compiler runs
--! statement: theorem t : False
def no : Bool := false
def yes : Bool := true
@[csimp] axiom same : @no = @yes
theorem t : False := by have h : no = true := by native_decide
                        exact Bool.noConfusion h

--! id: extern
--! must: disallowed_axiom, rejected
--! note: C code answers for the definition
--! statement: theorem t : False
@[extern "lean_nat_dec_eq"] def no (_ _ : Nat) : Bool := false
theorem t : False := by have h : no 1 1 = true := by native_decide
                        exact Bool.noConfusion h

--! id: trustCompiler
--! must: disallowed_axiom, rejected
--! note: the compiler's axiom, by name; it proves nothing but stands in the closure
--! statement: theorem t : True
theorem t : True := Lean.trustCompiler

--! id: bv-decide
--! must: disallowed_axiom, rejected
--! note: a SAT solver's certificate is checked by compiled code
--! statement: theorem t (a b : BitVec 8) : a ^^^ b = (a ||| b) - (a &&& b)
--! header: import Std.Tactic.BVDecide
theorem t (a b : BitVec 8) : a ^^^ b = (a ||| b) - (a &&& b) := by bv_decide

--! id: axiom-in-the-header-namespace
--! must: disallowed_axiom
--! note: it looks like part of what the header defines
--! statement: theorem t : Group.order = 2
--! header: def Group.order : Nat := 1
axiom Group.order_eq : Group.order = 2
theorem t : Group.order = 2 := Group.order_eq

--! id: axiom-by-choice-of-nonempty
--! must: disallowed_axiom
--! note: only the instance `Nonempty` is postulated; the witness comes by the allowed choice
structure Wrong where
  wrong : (1 : Nat) = 2
axiom there : Nonempty Wrong
theorem t : (1 : Nat) = 2 := (Classical.choice there).wrong
