--! statement: theorem t : (1 : Nat) = 2

--! id: term
--! must: incomplete
--! note: the plain word
theorem t : (1 : Nat) = 2 := sorry

--! id: tactic
--! must: incomplete
--! note: as a tactic
--! as: proof
by sorry

--! id: admit
--! must: incomplete
--! note: its older name
theorem t : (1 : Nat) = 2 := by admit

--! id: sorryAx
--! must: incomplete
--! note: the axiom itself, marked as not synthetic
theorem t : (1 : Nat) = 2 := sorryAx _ false

--! id: sorryAx-explicit
--! must: incomplete
--! note: all arguments given, no warning with the option off
set_option warn.sorry false in
theorem t : (1 : Nat) = 2 := @sorryAx ((1 : Nat) = 2) true

--! id: stop
--! must: incomplete
--! note: `stop` gives up on the rest
theorem t : (1 : Nat) = 2 := by
  stop
  rfl

--! id: have
--! must: incomplete
--! note: it stands in a `have` that does the work
theorem t : (1 : Nat) = 2 := by
  have h : False := by sorry
  exact h.elim

--! id: unused-looking-have
--! must: incomplete
--! note: the `have` is used by `omega`, never by name
theorem t : (1 : Nat) = 2 := by
  have : (3 : Nat) < 3 := by admit
  omega

--! id: lemma
--! must: incomplete
--! note: a lemma carries it
theorem l : False := sorry
theorem t : (1 : Nat) = 2 := l.elim

--! id: instance
--! must: incomplete
--! note: `decide` runs on a `Decidable` instance that is none
instance (priority := high) inst : Decidable ((1 : Nat) = 2) := .isTrue sorry
theorem t : (1 : Nat) = 2 := by decide

--! id: where
--! must: incomplete
--! note: the `where` helper is not proved
theorem t : (1 : Nat) = 2 := helper.elim
where helper : False := sorry

--! id: termination
--! must: incomplete
--! note: the recursion is endless, its termination is not proved
theorem loop (n : Nat) : False := loop (n + 1)
termination_by n
decreasing_by sorry
theorem t : (1 : Nat) = 2 := (loop 0).elim

--! id: type-of-a-definition
--! must: incomplete
--! note: it stands in a type: `sorry` is a proposition, and proved by reflexivity of what it is
def P : Prop := sorry
theorem p : P = P := rfl
theorem t : (1 : Nat) = 2 := (sorry : P → (1 : Nat) = 2) (cast p sorry)

--! id: only-in-a-type
--! must: incomplete
--! note: the proof is honest but goes through a definition whose type has a `sorry`
--! statement: theorem t : True
def n : Nat := sorry
theorem t : True := (fun (_ : n = n) => trivial) rfl

--! id: in-data
--! must: incomplete
--! note: a number nobody knows is compared with itself
def n : { n : Nat // n = 1 ∧ n = 2 } := sorry
theorem t : (1 : Nat) = 2 := n.2.1 ▸ n.2.2

--! id: macro
--! must: incomplete
--! note: a tactic of one's own name
macro "finish" : tactic => `(tactic| sorry)
theorem t : (1 : Nat) = 2 := by finish

--! id: macro-over-a-tactic
--! must: incomplete
--! note: a trusted tactic gets a new meaning
macro_rules | `(tactic| rfl) => `(tactic| exact sorryAx _ true)
theorem t : (1 : Nat) = 2 := by rfl

--! id: notation
--! must: incomplete
--! note: a notation that reads as a proof by authority
set_option warn.sorry false
local notation "evident" => sorryAx _ false
theorem t : (1 : Nat) = 2 := evident

--! id: split-name
--! must: incomplete
--! note: no text search for the word finds it
set_option warn.sorry false
macro "wor" "ry" : term => `($(Lean.mkIdent (.mkSimple ("sor" ++ "ryAx"))) _ true)
theorem t : (1 : Nat) = 2 := wor ry

--! id: byAsSorry
--! must: incomplete
--! note: the option turns every `by` into a `sorry`
set_option debug.byAsSorry true
theorem t : (1 : Nat) = 2 := by decide

--! id: error-recovery
--! must: rejected, incomplete
--! note: the failing tactic block is filled with `sorry`, its error is dropped
#guard_msgs (drop all) in
theorem t : (1 : Nat) = 2 := by omega

--! id: guarded-error
--! must: rejected, incomplete
--! note: the error is expected, so it is no error
/--
error: Tactic `rfl` failed: The left-hand side
  1
is not definitionally equal to the right-hand side
  2

⊢ 1 = 2
-/
#guard_msgs in
theorem t : (1 : Nat) = 2 := by rfl

--! id: fail-if-success
--! must: rejected, incomplete
--! note: `first` with a branch that recovers from its error
theorem t : (1 : Nat) = 2 := by
  first
  | exact (by skip; omega)
  | sorry

--! id: exact-question
--! must: rejected, incomplete
--! note: `exact?` fails and leaves a `sorry` beside its error
theorem t : (1 : Nat) = 2 := by exact?

--! id: hole
--! must: rejected, incomplete
--! note: a named hole is left open
theorem t : (1 : Nat) = 2 := by
  refine Eq.trans ?a ?b
  case a => exact 1
  all_goals rfl

--! id: metavariable
--! must: rejected, incomplete
--! note: `constructor` leaves a metavariable that nothing assigns
--! statement: theorem t : ∃ n : Nat, n ≠ n
theorem t : ∃ n : Nat, n ≠ n := by
  constructor
  intro _
  all_goals sorry

--! id: any-goals-try
--! must: rejected, incomplete
--! note: `all_goals try` closes nothing and says nothing; the open goal must be an error
theorem t : (1 : Nat) = 2 := by all_goals try omega

--! id: partial-unsafe-def
--! must: incomplete, rejected
--! note: the inhabitant that a `partial` function needs is a `sorry`
instance : Nonempty ((1 : Nat) = 2) := ⟨sorry⟩
def spin (n : Nat) : Classical.choice (inferInstanceAs (Nonempty ((1 : Nat) = 2))) = Classical.choice inferInstance := rfl
theorem t : (1 : Nat) = 2 := Classical.choice inferInstance

--! id: example-then-theorem
--! must: incomplete
--! note: it is in an auxiliary declaration that `match` makes
theorem t : (1 : Nat) = 2 :=
  match (sorry : ∃ n : Nat, n < 0) with
  | ⟨n, h⟩ => absurd h (Nat.not_lt_zero n)

--! id: opaque-default
--! must: incomplete
--! note: an `opaque` whose value is one
opaque hidden : (1 : Nat) = 2 := sorry
theorem t : (1 : Nat) = 2 := hidden

--! id: deriving
--! must: incomplete, rejected
--! note: the equality of a structure with a `sorry` field
structure S where
  h : (1 : Nat) = 2 := sorry
theorem t : (1 : Nat) = 2 := S.h {}
