--! statement: theorem t : 1 + 1 = 2

--! id: def
--! must: statement_mismatch
--! note: a definition
def t : 1 + 1 = 2 := rfl

--! id: abbrev
--! must: statement_mismatch
--! note: an abbreviation
abbrev t : 1 + 1 = 2 := rfl

--! id: instance
--! must: statement_mismatch
--! note: an instance of a class that is the proposition
--! statement: theorem t : Fact1
--! header: class Fact1 : Prop where
--! header:   h : 1 + 1 = 2
@[reducible] def t : Fact1 := ⟨rfl⟩

--! id: instance-command
--! must: incomplete, statement_mismatch
--! note: Lean makes a theorem of an instance of a proposition; this one is not proved
--! statement: theorem t : Fact1
--! header: class Fact1 : Prop where
--! header:   h : 1 + 1 = 3
instance t : Fact1 := ⟨by sorry⟩

--! id: opaque
--! must: statement_mismatch
--! note: an opaque constant
opaque t : 1 + 1 = 2 := rfl

--! id: axiom
--! must: statement_mismatch, disallowed_axiom
--! note: the claim itself is the axiom
axiom t : 1 + 1 = 2

--! id: inductive
--! must: statement_mismatch
--! note: a type that has the name
inductive t : Prop
  | intro

--! id: structure
--! must: statement_mismatch
--! note: a structure that has the name
structure t : Prop where
  h : 1 + 1 = 2

--! id: constructor
--! must: statement_mismatch
--! note: the name is a constructor's
--! statement: theorem Box.t : True
inductive Box : Prop
  | t : Box

--! id: recursor-name
--! must: statement_mismatch
--! note: the name is a recursor's
--! statement: theorem R.rec : True
inductive R : Type
  | one

--! id: projection
--! must: statement_mismatch
--! note: the name is a field's
--! statement: theorem S.t (s : S) : 1 + 1 = 3
--! header: structure S' where
--! header:   n : Nat
--! header: abbrev S := S'
structure _root_.S'' where
  t : 1 + 1 = 3
theorem S.t (s : S'') : 1 + 1 = 3 := s.t

--! id: notation-of-the-name
--! must: missing_declaration
--! note: the name is only a notation
theorem other : 1 + 1 = 2 := rfl
notation "t" => other

--! id: macro-of-theorem
--! must: statement_mismatch
--! note: the command `theorem` is rewritten as a definition
macro_rules
  | `(theorem $n:ident : $p := $v) => `(def $n:ident : $p := $v)
theorem t : 1 + 1 = 2 := rfl

--! id: macro-changes-the-statement
--! must: statement_mismatch
--! note: a macro rewrites the whole declaration, so that the text shown is not the text elaborated
--! statement: theorem t : (1 : Nat) = 2
macro_rules
  | `(theorem $n:ident : $_ := $v) => `(@[simp] theorem $n:ident : True := $v)
theorem t : (1 : Nat) = 2 := trivial

--! id: theorem-of-a-type
--! must: rejected, statement_mismatch
--! note: a theorem whose type is data
theorem t : Nat := 2

--! id: irreducible-def
--! must: statement_mismatch
--! note: a definition that unfolds nowhere
@[irreducible] def t : 1 + 1 = 2 := rfl

--! id: unsafe-def
--! must: statement_mismatch, rejected
--! note: an unsafe definition may be anything
--! statement: theorem t : 1 + 1 = 3
unsafe def t : 1 + 1 = 3 := t

--! id: partial-def
--! must: statement_mismatch, rejected
--! note: a partial definition is an opaque constant
--! statement: theorem t (n : Nat) : Nonempty Nat
partial def t (n : Nat) : Nonempty Nat := t (n + 1)

--! id: coinductive
--! must: statement_mismatch, rejected
--! note: the name is a predicate, not its proof
--! statement: theorem t : True
inductive t : Nat → Prop
  | step (n : Nat) : t (n + 1) → t n
