--! statement: theorem t (a b : Nat) : a + b = b + a
--! header: import Lean
--! header: open Lean Elab Meta Command Term Tactic

--! id: plain
theorem t (a b : Nat) : a + b = b + a := Nat.add_comm a b

--! id: term-elaborator
elab "comm" : term => return mkConst ``Nat.add_comm
theorem t (a b : Nat) : a + b = b + a := comm a b

--! id: tactic-elaborator
elab "finish" : tactic => do evalTactic (← `(tactic| omega))
theorem t (a b : Nat) : a + b = b + a := by finish

--! id: tactic-macro-with-syntax
macro "finish" : tactic => `(tactic| exact Nat.add_comm _ _)
theorem t (a b : Nat) : a + b = b + a := by finish

--! id: by-elab
theorem t (a b : Nat) : a + b = b + a := by
  exact (by_elab return mkConst ``Nat.add_comm) a b

--! id: command-elaborator
def quiet : CommandElab := fun stx => elabDeclaration stx
attribute [command_elab Lean.Parser.Command.declaration] quiet
theorem t (a b : Nat) : a + b = b + a := by omega

--! id: addDecl-of-a-true-theorem
elab "declare" : command => do
  let d := Declaration.thmDecl {
    name := `helper, levelParams := [], type := mkConst ``True, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none with
  | .ok env => setEnv env
  | .error _ => pure ()
declare
theorem t (a b : Nat) : a + b = b + a := by
  have := helper
  omega

--! id: unchecked-but-true
--! statement: theorem t : True
elab "declare" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``True, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
declare

--! id: simproc
simproc_decl reduceNothing (_ + _) := fun _ => return .continue
theorem t (a b : Nat) : a + b = b + a := by simp [Nat.add_comm]

--! id: reflection
def expr : Expr := mkNatLit 3
theorem t (a b : Nat) : a + b = b + a := by omega

--! id: unsafe-definition-beside
unsafe def cast' (n : Nat) : Nat := unsafeCast n
theorem t (a b : Nat) : a + b = b + a := by omega

--! id: implemented-by
def slow (n : Nat) : Nat := n + 0
@[implemented_by slow] def same (n : Nat) : Nat := n
theorem helper (n : Nat) : same n = n := rfl
theorem t (a b : Nat) : a + b = b + a := (helper (a + b)).symm.trans (Nat.add_comm a b)

--! id: partial-definition-beside
partial def search (n : Nat) : Nat := if n * n > 50 then n else search (n + 1)
theorem t (a b : Nat) : a + b = b + a := by omega
