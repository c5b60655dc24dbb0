--! statement: theorem t : False
--! header: import Lean
--! header: open Lean Elab Meta Command Term Tactic

--! id: prop-up-to-universe
--! must: kernel_rejected
--! note: lean4#14613: `Sort (imax 1 0)` is `Prop`, and the kernel lets data be projected out of its proofs
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "mint" : command => do
  setEnv (added (← getEnv) [
    .inductDecl [] 0 [
      { name := `Rim, type := mkSort levelZero, ctors := [] },
      { name := `Coin, type := mkSort (mkLevelIMax levelOne levelZero)
        ctors := [{ name := `Coin.toss, type := mkForall `side .default (mkConst ``Bool) (mkConst `Coin) }] }]
      false,
    .defnDecl {
      name := `Coin.side, levelParams := []
      type := mkForall `c .default (mkConst `Coin) (mkConst ``Bool)
      value := mkLambda `c .default (mkConst `Coin) (mkProj `Coin 0 (mkBVar 0))
      hints := .abbrev, safety := .safe }])
mint
def Tossed : Prop := Coin
def heads : Tossed := Coin.toss true
def tails : Tossed := Coin.toss false
theorem same : heads = tails := rfl
theorem t : False := Bool.noConfusion (congrArg (fun c : Tossed => Coin.side c) same : true = false)

--! id: prop-up-to-two-universes
--! must: kernel_rejected
--! note: lean4#14613 again, with the zero inside a maximum
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "mint" : command => do
  setEnv (added (← getEnv) [
    .inductDecl [] 0 [
      { name := `Rim, type := mkSort levelZero, ctors := [] },
      { name := `Coin, type := mkSort (mkLevelMax (mkLevelIMax levelOne levelZero) (mkLevelIMax levelOne levelZero))
        ctors := [{ name := `Coin.toss, type := mkForall `side .default (mkConst ``Bool) (mkConst `Coin) }] }]
      false,
    .defnDecl {
      name := `Coin.side, levelParams := []
      type := mkForall `c .default (mkConst `Coin) (mkConst ``Bool)
      value := mkLambda `c .default (mkConst `Coin) (mkProj `Coin 0 (mkBVar 0))
      hints := .abbrev, safety := .safe }])
mint
def Tossed : Prop := Coin
def heads : Tossed := Coin.toss true
def tails : Tossed := Coin.toss false
theorem same : heads = tails := rfl
theorem t : False := Bool.noConfusion (congrArg (fun c : Tossed => Coin.side c) same : true = false)

--! id: ill-typed-parameter
--! must: kernel_rejected
--! note: lean4#14576: the parameter of a nested occurrence reads a bit out of a proof, and is never type-checked;
--! note: two terms of one hash, for `true` and `false`, then become equal in the cache (lean4#14806)
inductive Sealed : Prop where | seal (bit : Bool)
structure Bit where bit : Bool
inductive Jar where | jar (p : Sealed)
inductive Tag (α : Type) (bit : Bool) where | tag
inductive IsTrue : Bool → Prop where | yes : IsTrue true
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
def marked (bit : Expr) (n : Nat) : Expr :=
  mkApp2 (mkLambda `n .default (mkConst ``Nat) (mkLambda `b .default (mkConst ``Bool) (mkBVar 0))) (mkRawNatLit n) bit
def mkJar (bit : Expr) : Expr := mkApp (mkConst ``Jar.jar) (mkApp (mkConst ``Sealed.seal) bit)
def mkPeek (j : Expr) : Expr := mkApp (mkConst `Peek) j
def mkPeeked (j tag : Expr) : Expr := mkApp2 (mkConst `Peek.peek) j tag
def mkTag (j bit : Expr) : Expr := mkApp2 (mkConst ``Tag) (mkPeek j) bit
def mkTagged (j bit : Expr) : Expr := mkApp2 (mkConst ``Tag.tag) (mkPeek j) bit
elab "cheat" : command => do
  let no := marked (mkConst ``false) 393891
  let yes := marked (mkConst ``true) 70815
  let bitOf (j : Expr) : Expr := mkProj ``Bit 0 (mkProj ``Bit 0 j)
  let constant (name : Name) (type value : Expr) : Declaration :=
    .defnDecl { name, levelParams := [], type, value, hints := .abbrev, safety := .safe }
  let body :=
    mkLambda `a .default (mkPeek (mkJar no)) <| mkLambda `b .default (mkPeek (mkJar yes)) <|
    mkLambda `c .default (mkTag (mkJar yes) yes) <| mkLambda `d .default (mkPeek (mkJar no)) (mkConst `good)
  setEnv (added (← getEnv) [
    .inductDecl [] 1 [{
      name := `Peek, type := mkForall `j .default (mkConst ``Jar) (mkSort levelOne)
      ctors := [{
        name := `Peek.peek
        type := mkForall `j .default (mkConst ``Jar) <|
          mkForall `t .default (mkTag (mkBVar 0) (bitOf (mkBVar 0))) (mkPeek (mkBVar 1)) }] }] false,
    constant `first (mkPeek (mkJar yes)) (mkPeeked (mkJar yes) (mkTagged (mkJar yes) (mkConst ``true))),
    constant `good (mkApp (mkConst ``IsTrue) yes) (mkConst ``IsTrue.yes),
    constant `bad (mkApp (mkConst ``IsTrue) no) (mkApp4 body
      (mkPeeked (mkJar no) (mkProj `Peek 0 (mkConst `first)))
      (mkPeeked (mkJar yes) (mkTagged (mkJar yes) (mkConst ``true)))
      (mkTagged (mkJar yes) (mkConst ``true))
      (mkPeeked (mkJar no) (mkTagged (mkJar no) no)))])
cheat
theorem t : False := nomatch (bad : IsTrue false)

--! id: stuck-sort
--! must: unsupported
--! note: lean4#14807: a family of propositions by what its universe reduces to for a variable; for the closed proof
--! note: that universe is stuck, and data is projected out of a proof
def walk (n : Nat) (h : Acc Nat.lt n) : Nat :=
  Acc.rec (motive := fun _ _ => Nat)
    (fun m _ below => Nat.rec (motive := fun m => ((k : Nat) → Nat.lt k m → Nat) → Nat)
      (fun _ => 0) (fun k _ below => below k (Nat.lt_succ_self k)) m below) h
theorem walk_eq (n : Nat) (h : Acc Nat.lt n) : walk n h = 0 := by
  induction h with
  | intro m _ ih => cases m with
    | zero => rfl
    | succ k => exact ih k (Nat.lt_succ_self k)
opaque start : Acc Nat.lt 1 := Nat.lt_wfRel.wf.apply 1
def far : Nat := walk 1 start
def opened : Nat := walk 1 (Acc.intro 1 fun _ => Acc.inv start)
def near : Nat := walk 0 (Acc.inv start (Nat.lt_succ_self 0))
def Same : Prop := far = opened
def Reached : Prop := far = near
opaque reached : Reached := (walk_eq 1 _).trans (walk_eq 0 _).symm
def World (h : Same) : Type := Eq.rec (motive := fun _ _ => Type) Prop h
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  let box (h : Expr) : Expr := mkApp (mkConst `Box) h
  let constant (name : Name) (type value : Expr) : Declaration :=
    .defnDecl { name, levelParams := [], type, value, hints := .abbrev, safety := .safe }
  setEnv (added (← getEnv) [
    .inductDecl [] 1 [{
      name := `Box, type := mkForall `h .default (mkConst ``Same) (mkApp (mkConst ``World) (mkBVar 0))
      ctors := [{
        name := `Box.box
        type := mkForall `h .default (mkConst ``Same) <|
          mkForall `bit .default (mkConst ``Bool) (box (mkBVar 1)) }] }] false,
    constant `boxed (mkForall `h .default (mkConst ``Same) (mkSort levelZero))
      (mkLambda `h .default (mkConst ``Same) (box (mkBVar 0))),
    constant `Shut (mkSort levelZero) (mkApp (mkConst `boxed) (mkConst ``reached)),
    constant `look (mkForall `p .default (mkConst `Shut) (mkConst ``Bool))
      (mkLambda `p .default (mkConst `Shut) (mkProj `Box 0 (mkBVar 0))),
    constant `yes (mkConst `Shut) (mkApp2 (mkConst `Box.box) (mkConst ``reached) (mkConst ``true)),
    constant `no (mkConst `Shut) (mkApp2 (mkConst `Box.box) (mkConst ``reached) (mkConst ``false))])
cheat
theorem both (P : Prop) (f : P → Bool) (p q : P) (hp : f p = true) (hq : f q = false) : False :=
  Bool.noConfusion (hp.symm.trans hq)
theorem t : False := both Shut look yes no rfl rfl

--! id: sort-behind-a-recursor
--! must: unsupported
--! note: lean4#14807: in which universe it lives has to be reduced for
--! statement: theorem t : True
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [] 0 [{
    name := `T, type := mkApp4 (mkConst ``Bool.rec [.succ (.succ levelOne)]) (mkLambda `_ .default (mkConst ``Bool) (mkSort (.succ levelOne)))
        (mkSort levelOne) (mkSort levelOne) (mkConst ``true)
    ctors := [{
      name := `T.mk
      type := mkConst `T }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used; trivial

--! id: occurrence-that-reduces-away
--! must: unsupported
--! note: lean4#14582: it occurs with another parameter where reduction erases it
--! statement: theorem t : True
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [] 1 [{
    name := `T, type := mkForall `n .default (mkConst ``Nat) (mkSort levelOne)
    ctors := [{
      name := `T.mk
      type := mkForall `n .default (mkConst ``Nat) <| mkForall `x .default
        (mkApp (mkLambda `_ .default (mkSort levelOne) (mkConst ``Nat)) (mkApp (mkConst `T) (mkRawNatLit 7)))
        (mkApp (mkConst `T) (mkBVar 1)) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used; trivial

--! id: occurrence-at-other-levels
--! must: unsupported
--! note: lean4#14582: it occurs at another universe level in a parameter that is dropped
--! statement: theorem t : True
inductive Ghost (α : Type) : Type where | ghost
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [`u] 1 [{
    name := `T, type := mkForall `α .default (mkSort (mkLevelSucc (mkLevelParam `u))) (mkSort levelOne)
    ctors := [{
      name := `T.mk
      type := mkForall `α .default (mkSort (mkLevelSucc (mkLevelParam `u))) <| mkForall `x .default
        (mkApp (mkConst ``Ghost) (mkApp (mkConst `T [levelZero]) (mkConst ``Nat)))
        (mkApp (mkConst `T [mkLevelParam `u]) (mkBVar 1)) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used.{0}; trivial

--! id: nested-with-another-parameter
--! must: unsupported
--! note: lean4#14582: the nested occurrence has a constant in place of the parameter
--! statement: theorem t : True
inductive Ghost (α : Type) : Type where | ghost
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [] 1 [{
    name := `T, type := mkForall `n .default (mkConst ``Nat) (mkSort levelOne)
    ctors := [{
      name := `T.mk
      type := mkForall `n .default (mkConst ``Nat) <| mkForall `x .default
        (mkApp (mkConst ``Ghost) (mkApp (mkConst `T) (mkRawNatLit 7))) (mkApp (mkConst `T) (mkBVar 1)) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used; trivial

--! id: occurrence-behind-a-definition
--! must: unsupported
--! note: lean4#14806: whether a field is recursive has to be reduced for
--! statement: theorem t : True
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [] 0 [{
    name := `T, type := mkSort levelOne
    ctors := [{
      name := `T.mk
      type := mkForall `x .default (mkApp2 (mkConst ``id [.succ levelOne]) (mkSort levelOne) (mkConst `T)) (mkConst `T) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used; trivial

--! id: occurrence-behind-a-recursor
--! must: unsupported
--! note: lean4#14806: the shape of the hidden recursive field, without the collision that makes it go astray
--! statement: theorem t : True
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [] 0 [{
    name := `T, type := mkSort levelOne
    ctors := [{
      name := `T.mk
      type := mkForall `x .default (mkApp4 (mkConst ``Bool.rec [.succ levelOne])
        (mkLambda `_ .default (mkConst ``Bool) (mkSort levelOne)) (mkConst ``Nat) (mkConst `T) (mkConst ``true)) (mkConst `T) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used; trivial

--! id: occurrence-behind-a-nested-type
--! must: unsupported
--! note: lean4#14806: the reduction is in the type that it is nested in
--! statement: theorem t : True
def Wrap (α : Type) : Type := α
inductive Box (F : Type → Type) (α : Type) : Type where | box (x : F α)
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [] 0 [{
    name := `T, type := mkSort levelOne
    ctors := [{
      name := `T.mk
      type := mkForall `x .default (mkApp2 (mkConst ``Box) (mkConst ``Wrap) (mkConst `T)) (mkConst `T) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used; trivial

--! id: reserved-name
--! must: unsupported
--! note: lean4#14616: a name of those that the kernel makes for nested occurrences
--! statement: theorem t : True
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [
    .defnDecl {
      name := `_nested.T_1, levelParams := [], type := mkSort levelZero, value := mkConst ``True
      hints := .abbrev, safety := .safe },
    .inductDecl [] 0 [{
      name := `T, type := mkSort levelZero
      ctors := [{ name := `T.mk, type := mkForall `x .default (mkConst `_nested.T_1) (mkConst `T) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used; trivial

--! id: perhaps-a-proposition
--! must: unsupported
--! note: lean4#14613: whether it is a proposition depends on a parameter; no type of Lean's own elaborator does
--! statement: theorem t : True
def added (env : Environment) : List Declaration → Environment
  | [] => env
  | decl :: rest => match env.addDeclCore 0 decl none with
    | .ok env => added env rest
    | .error _ => env
elab "cheat" : command => do
  setEnv (added (← getEnv) [.inductDecl [`u] 1 [{
    name := `T, type := mkForall `α .default (mkSort (mkLevelParam `u)) (mkSort (mkLevelParam `u))
    ctors := [{
      name := `T.mk
      type := mkForall `α .default (mkSort (mkLevelParam `u)) <| mkForall `x .default (mkBVar 0)
        (mkApp (mkConst `T [mkLevelParam `u]) (mkBVar 1)) }] }] false])
cheat
theorem used : @T.mk = @T.mk := rfl
theorem t : True := have := @used.{0}; trivial
