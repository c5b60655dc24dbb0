--! statement: theorem t : False
--! header: import Lean
--! header: open Lean Elab Meta Command Term Tactic

--! id: skip-option-and-ill-typed-term
--! must: kernel_rejected
--! note: the elaborator trusts an inferred type, the kernel is told to look away
set_option debug.skipKernelTC true
elab "cheat" : term => return mkApp2 (mkConst ``id [.zero]) (mkConst ``False) (mkConst ``True.intro)
theorem t : False := cheat

--! id: ill-typed-term
--! must: rejected
--! note: the same with the kernel looking, which refuses it at once
elab "cheat" : term => return mkApp2 (mkConst ``id [.zero]) (mkConst ``False) (mkConst ``True.intro)
theorem t : False := cheat

--! id: skip-option-in-a-helper
--! must: kernel_rejected
--! note: only a lemma is unchecked; the target's own proof is right
elab "cheat" : term => return mkApp2 (mkConst ``id [.zero]) (mkConst ``False) (mkConst ``True.intro)
set_option debug.skipKernelTC true in
theorem lemma_ : False := cheat
theorem t : False := lemma_

--! id: skip-option-in-a-definition
--! must: kernel_rejected
--! note: the definition is ill-typed and the theorem computes with it
--! statement: theorem t : (1 : Nat) = 2
elab "cheat" : term =>
  return mkApp2 (mkConst ``id [.succ .zero]) (mkApp (mkConst ``Fin) (mkRawNatLit 0)) (mkConst ``Nat.zero)
set_option debug.skipKernelTC true in
noncomputable def nobody : Fin 0 := cheat
theorem t : (1 : Nat) = 2 := nobody.elim0

--! id: addDecl-without-check
--! must: kernel_rejected
--! note: `addDeclCore` with `doCheck := false` puts the claim into the environment
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: addDecl-checked
--! must: missing_declaration, rejected
--! note: the same with the check: the kernel refuses, and nothing named `t` is there
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: command-elaborator-of-theorem
--! must: kernel_rejected
--! note: the elaborator of declarations is replaced; what the text says is never read
def cheat : CommandElab := fun _ => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
attribute [command_elab Lean.Parser.Command.declaration] cheat
theorem t : False := by omega

--! id: command-elaborator-other-statement
--! must: statement_mismatch
--! note: the replaced elaborator declares another theorem under the name
def cheat : CommandElab := fun _ => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``True, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none with
  | .ok env => setEnv env
  | .error _ => pure ()
attribute [command_elab Lean.Parser.Command.declaration] cheat
theorem t : False := by omega

--! id: unchecked-opaque
--! must: kernel_rejected
--! note: a term elaborator adds an ill-typed `opaque` and returns it
elab "cheat" : term => do
  let d := Declaration.opaqueDecl {
    name := `hidden, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro
    isUnsafe := false, all := [`hidden] }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
  return mkConst `hidden
theorem t : False := cheat

--! id: circular-theorem
--! must: kernel_rejected
--! note: the proof of `t` is `t`
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := mkConst `t }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: circular-pair
--! must: kernel_rejected
--! note: each of two theorems is the proof of the other
elab "cheat" : command => do
  let a := Declaration.thmDecl { name := `t, levelParams := [], type := mkConst ``False, value := mkConst `u }
  let b := Declaration.thmDecl { name := `u, levelParams := [], type := mkConst ``False, value := mkConst `t }
  match (← getEnv).addDeclCore 0 a none (doCheck := false) with
  | .ok env =>
    match env.addDeclCore 0 b none (doCheck := false) with
    | .ok env => setEnv env
    | .error _ => pure ()
  | .error _ => pure ()
cheat

--! id: unknown-constant
--! must: kernel_rejected
--! note: the proof names a constant that does not exist
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := mkConst `nowhere }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: loose-variable
--! must: kernel_rejected
--! note: the proof is a bound variable that nothing binds
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := .bvar 0 }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: metavariable-as-proof
--! must: kernel_rejected
--! note: the proof is a metavariable
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := .mvar { name := `m } }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: unsafe-proof
--! must: kernel_rejected
--! note: a safe theorem is proved by an unsafe definition
unsafe def evil : False := unsafeCast ()
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False, value := mkConst `evil }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: unsafe-term
--! must: rejected
--! note: `unsafe` where a proof is wanted
unsafe def evil : False := unsafeCast ()
theorem t : False := unsafe evil

--! id: unsafe-theorem
--! must: rejected, statement_mismatch
--! note: the declaration itself is unsafe
unsafe def t : False := unsafeCast ()

--! id: partial-implementation
--! must: rejected, kernel_rejected
--! note: the implementation of an opaque is unsafe, the opaque itself is an honest default
unsafe def fake : Nat := 2
@[implemented_by fake] opaque real : Nat
theorem t : False := absurd (show real = 2 from rfl) (by decide)

--! id: header-constant-redefined
--! must: kernel_rejected, statement_mismatch, rejected
--! note: the header's `k` is declared again with another value; were it to count, the proof would be honest
--! statement: theorem t : k = 2
--! header: import Lean
--! header: open Lean Elab Meta Command Term Tactic
--! header: def k : Nat := 1
elab "cheat" : command => do
  let d := Declaration.defnDecl {
    name := `k, levelParams := [], type := mkConst ``Nat, value := mkRawNatLit 2, hints := .abbrev
    safety := .safe }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat
theorem t : k = 2 := rfl

--! id: import-redefined
--! must: kernel_rejected, rejected
--! note: an imported theorem is declared again with another type
elab "cheat" : command => do
  let d := Declaration.axiomDecl {
    name := ``Nat.add_comm, levelParams := [], type := mkConst ``False, isUnsafe := false }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat
theorem t : False := Nat.add_comm

--! id: environment-of-ones-own
--! must: kernel_rejected
--! note: a fresh environment whose `False` has a constructor; every step is checked by the kernel there
elab "cheat" : command => do
  let env ← mkEmptyEnvironment
  let falsity := Declaration.inductDecl [] 0
    [{ name := `False, type := .sort .zero, ctors := [{ name := `False.intro, type := mkConst `False }] }] false
  let t := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst `False, value := mkConst `False.intro }
  match env.addDeclCore 0 falsity none with
  | .ok env =>
    match env.addDeclCore 0 t none with
    | .ok env => setEnv env
    | .error _ => pure ()
  | .error _ => pure ()
cheat

--! id: allowed-axiom-of-another-type
--! must: kernel_rejected, disallowed_axiom
--! note: in a fresh environment the allowed axiom `propext` says `False`
elab "cheat" : command => do
  let env ← mkEmptyEnvironment
  let falsity := Declaration.inductDecl [] 0 [{ name := `False, type := .sort .zero, ctors := [] }] false
  let propext := Declaration.axiomDecl {
    name := `propext, levelParams := [], type := mkConst `False, isUnsafe := false }
  let t := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst `False, value := mkConst `propext }
  match env.addDeclCore 0 falsity none with
  | .ok env =>
    match env.addDeclCore 0 propext none with
    | .ok env =>
      match env.addDeclCore 0 t none with
      | .ok env => setEnv env
      | .error _ => pure ()
    | .error _ => pure ()
  | .error _ => pure ()
cheat

--! id: import-as-an-axiom
--! must: kernel_rejected, disallowed_axiom
--! note: in a fresh environment an imported theorem's name is an axiom that says `False`
elab "cheat" : command => do
  let env ← mkEmptyEnvironment
  let falsity := Declaration.inductDecl [] 0 [{ name := `False, type := .sort .zero, ctors := [] }] false
  let lemma_ := Declaration.axiomDecl {
    name := ``Nat.add_comm, levelParams := [], type := mkConst `False, isUnsafe := false }
  let t := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst `False, value := mkConst ``Nat.add_comm }
  match env.addDeclCore 0 falsity none with
  | .ok env =>
    match env.addDeclCore 0 lemma_ none with
    | .ok env =>
      match env.addDeclCore 0 t none with
      | .ok env => setEnv env
      | .error _ => pure ()
    | .error _ => pure ()
  | .error _ => pure ()
cheat

--! id: unchecked-recursor-use
--! must: kernel_rejected
--! note: a match on a proposition takes its witness out, which the kernel forbids
--! statement: theorem t : (1 : Nat) = 2
elab "cheat" : command => do
  let nat := Expr.const ``Nat []
  let motive := .lam `x (mkConst ``True) nat .default
  let value := mkApp3 (mkConst ``True.rec [.succ .zero]) motive (mkRawNatLit 2) (mkConst ``True.intro)
  let type := mkApp3 (mkConst ``Eq [.succ .zero]) nat value (mkRawNatLit 1)
  let proof := mkApp2 (mkConst ``Eq.refl [.succ .zero]) nat value
  let d := Declaration.thmDecl { name := `h, levelParams := [], type := type, value := proof }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat
theorem t : (1 : Nat) = 2 := (h : 2 = 1).symm

--! id: level-parameter-without-a-declaration
--! must: kernel_rejected, statement_mismatch
--! note: the proof speaks of a universe that the theorem does not have
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := mkConst ``False
    value := mkApp2 (mkConst ``id [.param `u]) (mkConst ``False) (mkConst ``True.intro) }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: more-level-parameters
--! must: statement_mismatch, kernel_rejected
--! note: a universe parameter more than the statement has
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [`u], type := mkConst ``False, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: annotated-type
--! must: statement_mismatch, kernel_rejected
--! note: an invisible annotation makes the type another expression that prints the same
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := `t, levelParams := [], type := .mdata {} (mkConst ``False), value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none (doCheck := false) with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: name-of-another-shape
--! must: missing_declaration
--! note: the name has a number part; it prints like the target's where macro scopes are hidden
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := .num `t 0, levelParams := [], type := mkConst ``True, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: private-prefix
--! must: missing_declaration
--! note: the theorem is in another module's private names, which print without their prefix
elab "cheat" : command => do
  let d := Declaration.thmDecl {
    name := .str (.num `_private 0) "t", levelParams := [], type := mkConst ``True, value := mkConst ``True.intro }
  match (← getEnv).addDeclCore 0 d none with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: axiom-behind-the-elaborator
--! must: disallowed_axiom
--! note: no `axiom` in the text: the environment gets it as data
elab "cheat" : command => do
  let d := Declaration.axiomDecl {
    name := `quiet, levelParams := [], type := mkConst ``False, isUnsafe := false }
  match (← getEnv).addDeclCore 0 d none with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat
elab "quietly" : term => return mkConst `quiet
theorem t : False := quietly

--! id: axiom-under-the-targets-name
--! must: statement_mismatch, disallowed_axiom
--! note: what has the theorem's name and type is an axiom
elab "cheat" : command => do
  let d := Declaration.axiomDecl {
    name := `t, levelParams := [], type := mkConst ``False, isUnsafe := false }
  match (← getEnv).addDeclCore 0 d none with
  | .ok env => setEnv env
  | .error _ => pure ()
cheat

--! id: sorry-behind-the-elaborator
--! must: incomplete
--! note: a term elaborator returns the axiom of `sorry`, and nothing warns
elab "cheat" : term => return mkApp2 (mkConst ``sorryAx [.zero]) (mkConst ``False) (mkConst ``Bool.true)
set_option warn.sorry false in
theorem t : False := cheat

--! id: messages-wiped
--! must: rejected
--! note: the errors of the failed proof are taken out of the log, after they were read
theorem t : False := by omega
elab "wipe" : command => do
  let context ← read
  let s ← get
  set { s with messages := {} }
wipe

--! id: messages-wiped-around
--! must: incomplete, rejected
--! note: the elaborator of declarations runs the real one and drops what it said
def quiet : CommandElab := fun stx => do
  elabDeclaration stx
  let s ← get
  set { s with messages := {} }
attribute [command_elab Lean.Parser.Command.declaration] quiet
theorem t : False := by omega

--! id: code-run-by-the-kernel
--! must: disallowed_axiom
--! note: the kernel evaluates `Lean.reduceBool` by running code, which a header's `implemented_by` makes say otherwise
--! header: def fast : Bool := false
--! header: @[implemented_by fast] def slow₀ : Bool := true
--! header: def slow : Bool := slow₀
--! header: def simple : Bool := true
--! statement: theorem t : False
--! as: proof
Bool.false_ne_true (((show Lean.reduceBool slow = false from rfl).symm.trans
  (congrArg Lean.reduceBool (show slow = simple from rfl))).trans (show Lean.reduceBool simple = true from rfl))

--! id: code-run-by-the-kernel-alone
--! must: disallowed_axiom
--! note: nothing false, but nothing that the kernel has proved
--! statement: theorem t : Lean.reduceBool System.Platform.isWindows = false
--! as: proof
rfl

--! id: numbers-run-by-the-kernel
--! must: disallowed_axiom
--! note: the same of numbers
--! statement: theorem t : ∃ n : Nat, Lean.reduceNat System.Platform.numBits = n
--! as: proof
⟨_, rfl⟩
