/-! ### Replay: an export is given to the kernel

The kernel checks each declaration of the export, and at last one more: a theorem whose type is the reference's,
proved by the candidate's constant.  That it accepts this one is the whole comparison. -/

/-- Budget of the kernel for each declaration, in thousands of small allocations.  Far above what elaboration may
use by default, and not the candidate's to set: a proof that raised its own budget honestly has room. -/
def kernelHeartbeats : Nat := 4000000

/-- Budget of the kernel for the comparison with the reference.  It is nothing where both are written alike, and
a few unfoldings where one is behind definitions of the candidate's. -/
def conclusionHeartbeats : Nat := 1000000

/-- The last theorem, by which the kernel says that the statement was proved. -/
def conclusionName : Name := .num (.str .anonymous "submitted") 1

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

def refusalOf (decl : Declaration) (e : Kernel.Exception) : Refusal :=
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
  | .other why => kernel why
  | .deterministicTimeout => { status := "rejected", reason := "the kernel ran out of its budget on `" ++ nameOf decl ++ "`" }
  | .deepRecursion => { status := "rejected", reason := "the kernel recursed too deeply on `" ++ nameOf decl ++ "`" }
  | .excessiveMemory => { status := "resource_exhausted", reason := "the kernel ran out of memory on `" ++ nameOf decl ++ "`" }
  | .interrupted => { status := "infra_error", reason := "the kernel was interrupted" }

/-- Ask the kernel for one declaration, with a budget in thousands of small allocations. -/
def askKernel (budget : Nat) (env : Environment) (decl : Declaration) : Except Kernel.Exception Environment :=
  env.addDeclCore (budget * 1000).toUSize decl none

/-- Give one declaration of an export to the kernel, which must be plain where the kernel is not sound on others. -/
def accept (env : Environment) (decl : Declaration) : IO (Except Refusal Environment) := do
  -- The budget is of each declaration, and the thread's count goes on.
  IO.setNumHeartbeats 0
  match plainDecl (askKernel kernelHeartbeats) env decl with
  | .error fault => return .error (plainRefusal (refusalOf decl) (nameOf decl) fault)
  | .ok _ =>
    match askKernel kernelHeartbeats env decl with
    | .ok env => return .ok env
    | .error e => return .error (refusalOf decl e)

def isDeclaredBy (declares : Declares) (row : Json) : Bool :=
  match field row "kind", rowsOf row "types" with
  | .str "inductive", .ok types => boolAt declares.names (placeAt #[field (cellAt types 0) "name"] 0)
  | _, _ => boolAt declares.names (placeAt #[field row "name"] 0)

partial def replayFrom (env : Environment) (read : ReadExport) (i : Nat) : IO (Except Refusal Environment) := do
  let { tables, rows, declares } := read
  if h : i < rows.size then
    match readDecl tables rows[i] with
    | .error reason => return .error (unreadable reason)
    | .ok .quotDecl =>
      return .error { status := "unsupported", reason := "it makes quotients of its own, under a header that has none" }
    | .ok decl =>
      if !isDeclaredBy declares rows[i] then replayFrom env read (i + 1)
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

/-- Have the kernel accept the candidate's constant as a proof of the reference's type. -/
def conclude (env : Environment) (reference : ConstantInfo) (candidate : Name) : IO (Except Refusal Conclusion) := do
  let { levelParams, type, .. } := reference.toConstantVal
  let value : Expr := .const candidate (levelsOf levelParams)
  let decl : Declaration := match reference with
    | .thmInfo _ => .thmDecl { name := conclusionName, levelParams, type, value, all := [conclusionName] }
    | _ => .defnDecl { name := conclusionName, levelParams, type, value, hints := .opaque, safety := .safe,
                       all := [conclusionName] }
  IO.setNumHeartbeats 0
  match askKernel conclusionHeartbeats env decl with
  | .ok env => return .ok (.proves env)
  | .error e => match e with
    | .declTypeMismatch .. => return .ok .differs
    | .deterministicTimeout => return .ok (.undecided "it ran out of its budget")
    | .deepRecursion => return .ok (.undecided "it recursed too deeply")
    | .excessiveMemory => return .ok (.undecided "it ran out of memory")
    | e =>
      let { reason, .. } := refusalOf decl e
      return .error { status := "infra_error", reason := "at the comparison with the statement " ++ reason }

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
        else match ← conclude env reference.info info.name with
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
