/-! ### Replay: an export is given to the kernel

The kernel checks each declaration of the export, and at last one more: a theorem whose type is the reference's,
proved by the candidate's constant.  That it accepts this one is the whole comparison. -/

/-- Budget of the kernel for each declaration, in thousands of small allocations.  Far above what elaboration may
use by default, and not the candidate's to set: a proof that raised its own budget honestly has room. -/
def kernelHeartbeats : Nat := 4000000

/-- The last theorem, by which the kernel says that the statement was proved. -/
def conclusionName : Name := .num (.str .anonymous "submitted") 1

set_option match.ignoreUnusedAlts true in
/-- A declaration's first name; this Lean may have more kinds of declarations, and no export has them. -/
def nameOf : Declaration → String
  | .axiomDecl v => (writtenName v.name).toString
  | .defnDecl v => (writtenName v.name).toString
  | .thmDecl v => (writtenName v.name).toString
  | .opaqueDecl v => (writtenName v.name).toString
  | .quotDecl => "Quot"
  | .mutualDefnDecl _ => "a mutual block"
  | .inductDecl _ _ types _ => match types with
    | type :: _ => (writtenName type.name).toString
    | [] => "a mutual block"
  | _ => "a declaration"

set_option match.ignoreUnusedAlts true in
def refusalOf (decl : Declaration) (e : KernelError) : Refusal :=
  let kernel (why : String) : Refusal :=
    { status := "kernel_rejected", reason := "the kernel refuses `" ++ nameOf decl ++ "`: " ++ why }
  match e with
  | .unknownConstant _ name => kernel ("it uses `" ++ (writtenName name).toString ++ "`, which nothing before it declares")
  | .alreadyDeclared _ name =>
    { status := "forbidden", reason := "`" ++ (writtenName name).toString ++ "` is declared again: it is there already" }
  | .declTypeMismatch .. => kernel "its value does not have its type"
  | .declHasMVars .. => kernel "it has metavariables"
  | .declHasFVars .. => kernel "it has free variables"
  | .funExpected .. => kernel "something is applied that is no function"
  | .typeExpected .. => kernel "something stands for a type that is none"
  | .letTypeMismatch .. => kernel "a `let` value does not have its type"
  | .exprTypeMismatch .. => kernel "an expression does not have its type"
  | .appTypeMismatch .. => kernel "an argument does not have the type that its function takes"
  | .invalidProj .. => kernel "a projection of what is no structure"
  | .thmTypeIsNotProp .. => kernel "its type is no proposition"
  | .other why =>
    match why.splitOn "(interpreter)" with
    | _ :: _ :: _ =>
      { status := "unsupported"
        reason := "`" ++ nameOf decl ++ "` rests on running code (`native_decide`), which an audit does not do" }
    | _ => kernel why
  | .deterministicTimeout => { status := "rejected", reason := "the kernel ran out of its budget on `" ++ nameOf decl ++ "`" }
  | .deepRecursion => { status := "rejected", reason := "the kernel recursed too deeply on `" ++ nameOf decl ++ "`" }
  | .excessiveMemory => { status := "resource_exhausted", reason := "the kernel ran out of memory on `" ++ nameOf decl ++ "`" }
  | .interrupted => { status := "infra_error", reason := "the kernel was interrupted" }
  -- A newer Lean may have reasons of its own.
  | _ => kernel "for a reason that the worker does not know"

/-- Ask the kernel for one declaration. -/
def askKernel (env : Environment) (decl : Declaration) : Except KernelError Environment :=
  addToKernel env (kernelHeartbeats * 1000).toUSize decl

/-- Give one declaration of an export to the kernel, which must be plain where the kernel is not sound on others. -/
def accept (env : Environment) (decl : Declaration) : IO (Except Refusal Environment) := do
  -- The budget is of each declaration, and the thread's count goes on.
  restartHeartbeats
  match plainDecl askKernel env decl with
  | .error fault => return .error (plainRefusal (refusalOf decl) (nameOf decl) fault)
  | .ok _ =>
    match askKernel env decl with
    | .ok env => return .ok env
    | .error e => return .error (refusalOf decl e)

/-- Whether what a declaration declares is there already: its first name says it for all. -/
def isKnown (known : Declares) (decl : Declaration) : Bool :=
  match namesOfDecl decl with
  | name :: _ => isDeclared known name
  | [] => false

partial def replayFrom (env : Environment) (read : ReadExport) (i : Nat) : IO (Except Refusal Environment) := do
  let { tables, rows, known } := read
  if h : i < rows.size then
    match readDecl tables rows[i] with
    | .error reason => return .error (unreadable reason)
    | .ok .quotDecl =>
      return .error { status := "unsupported", reason := "it makes quotients of its own, under a header that has none" }
    | .ok decl =>
      if isKnown known decl then replayFrom env read (i + 1)
      else match ← accept env decl with
        | .ok env => replayFrom env read (i + 1)
        | .error refusal => return .error refusal
  else return .ok env

/-- What the kernel says of the reference's type and the candidate's constant. -/
inductive Conclusion where
  /-- It accepted the constant as a proof of the type. -/
  | proves (env : Environment)
  | differs
  /-- It could not say within its budget. -/
  | undecided (why : String)

/-- Have the kernel accept the candidate's constant, at these levels, as a proof of the reference's type. -/
def concludeAt (env : Environment) (reference : ConstantInfo) (candidate : Name) (levels : List Level) :
    IO (Except Refusal Conclusion) := do
  let { levelParams, type, .. } := reference.toConstantVal
  let value : Expr := .const candidate levels
  let decl : Declaration := match reference with
    | .thmInfo _ => .thmDecl { name := conclusionName, levelParams, type, value, all := [conclusionName] }
    | _ => .defnDecl { name := conclusionName, levelParams, type, value, hints := .opaque, safety := .safe,
                       all := [conclusionName] }
  -- The budget is a declaration's.  A smaller one would not be this theorem's alone: what the kernel counts goes on
  -- from the declarations before it.
  restartHeartbeats
  match askKernel env decl with
  | .ok env => return .ok (.proves env)
  | .error e => match e with
    | .declTypeMismatch .. => return .ok .differs
    | .deterministicTimeout => return .ok (.undecided "it ran out of its budget")
    | .deepRecursion => return .ok (.undecided "it recursed too deeply")
    | .excessiveMemory => return .ok (.undecided "it ran out of memory")
    | e =>
      let { reason, .. } := refusalOf decl e
      return .error { status := "infra_error", reason := "at the comparison with the statement " ++ reason }

/-! A file may have universe parameters of its own, in an order of its own (`universe v u`): so those that are not
called as the reference's are, in its order, are paired by where they stand in both types.  A wrong pairing proves
nothing, since the kernel compares. -/

def levelOf (name : Name) : List (Name × Level) → Option Level
  | [] => none
  | (n, level) :: rest => if n == name then some level else levelOf name rest

def pairLevels (got want : Level) (pairs : List (Name × Level)) : List (Name × Level) :=
  match got, want with
  | .param name, _ => match levelOf name pairs with
    | some _ => pairs
    | none => (name, want) :: pairs
  | .succ got, .succ want => pairLevels got want pairs
  | .max a b, .max c d => pairLevels b d (pairLevels a c pairs)
  | .imax a b, .imax c d => pairLevels b d (pairLevels a c pairs)
  | _, _ => pairs

def pairAll : List Level → List Level → List (Name × Level) → List (Name × Level)
  | got :: gots, want :: wants, pairs => pairAll gots wants (pairLevels got want pairs)
  | _, _, pairs => pairs

/-- Pairs of universe parameters of `got` and levels of `want`, from at most `fuel` parts that stand at the same
place of both; what is left of it. -/
partial def pairUniverses (got want : Expr) (fuel : Nat) (pairs : List (Name × Level)) : Nat × List (Name × Level) :=
  if fuel == 0 then (0, pairs)
  else
    let both (g₁ w₁ g₂ w₂ : Expr) : Nat × List (Name × Level) :=
      let (fuel, pairs) := pairUniverses g₁ w₁ (fuel - 1) pairs
      pairUniverses g₂ w₂ fuel pairs
    match got, want with
    | .mdata _ got, want => pairUniverses got want fuel pairs
    | got, .mdata _ want => pairUniverses got want fuel pairs
    | .sort got, .sort want => (fuel - 1, pairLevels got want pairs)
    | .const _ gots, .const _ wants => (fuel - 1, pairAll gots wants pairs)
    | .app f x, .app g y => both f g x y
    | .lam _ t b _, .lam _ u c _ => both t u b c
    | .forallE _ t b _, .forallE _ u c _ => both t u b c
    | _, _ => (fuel - 1, pairs)

/-- Parts of a type that are looked at for its universe parameters. -/
def pairFuel : Nat := 10000

/-- The level for each parameter, that at the same place of the reference's list where none was paired. -/
def pairedLevels (pairs : List (Name × Level)) : List Name → List Level → List Level
  | name :: names, level :: levels =>
    let level := match levelOf name pairs with
      | some paired => paired
      | none => level
    level :: pairedLevels pairs names levels
  | _, _ => []

/-- As `concludeAt`, with the universe parameters paired, or else in their order. -/
def conclude (env : Environment) (reference candidate : ConstantInfo) : IO (Except Refusal Conclusion) := do
  let inOrder := levelsOf reference.levelParams
  if sameLevels (levelsOf candidate.levelParams) inOrder then concludeAt env reference candidate.name inOrder
  else
    let (_, pairs) := pairUniverses candidate.type reference.type pairFuel []
    let paired := pairedLevels pairs candidate.levelParams inOrder
    match ← concludeAt env reference candidate.name paired with
    | .ok .differs =>
      if sameLevels paired inOrder then return .ok .differs else concludeAt env reference candidate.name inOrder
    | found => return found

/-- A name as `readNames` has it below the root. -/
partial def renamed (name : Name) : Name :=
  match name with
  | .str parent part => .str (renamed parent) part
  | .num parent part => .num (renamed parent) part
  | .anonymous => renamedRoot

/-- What became of an export: the environment with all it declares, the candidate's constant if it has one, and
what the kernel says of it where it is of the reference's kind. -/
structure Replayed where
  env : Environment
  candidate? : Option ConstantInfo
  conclusion? : Option Conclusion

def replayHere (reference : Reference) (json : Json) : IO (Except Refusal Replayed) := do
  match readExport reference.env reference.name json with
  | .error refusal => return .error refusal
  | .ok read =>
    match ← replayFrom reference.env read 0 with
    | .error refusal => return .error refusal
    | .ok env =>
      match env.find? (renamed reference.name) with
      | none => return .ok { env, candidate? := none, conclusion? := none }
      | some info =>
        if kindName info != kindName reference.info || !sameCount info.levelParams reference.info.levelParams then
          return .ok { env, candidate? := some info, conclusion? := none }
        else match ← conclude env reference.info info with
          | .error refusal => return .error refusal
          | .ok conclusion => return .ok { env, candidate? := some info, conclusion? := some conclusion }

/-- The reference's environment with the declarations of an export, each checked by the kernel, and its word on
whether they prove the reference.

In a task of its own, as `elaborate` is: for the stack, and for heartbeats. -/
def replay (reference : Reference) (json : Json) : IO (Except Refusal Replayed) := do
  let task ← IO.asTask (replayHere reference json)
  match ← IO.wait task with
  | .ok result => return result
  | .error e => throw e
