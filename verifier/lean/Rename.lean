/-! ### Renaming: what an export declares gets names that nothing else has

No name of a candidate's is believed.  What an export declares is declared below a root of its own, which no text
can write and the header does not use.  So no declaration can stand for one of the statement's, and a name that
the kernel treats in a way of its own (`Nat.gcd`) has no power on what a candidate declares under it.

Only a declaration that the header or the statement has *with the same content* is taken for that one.  This spares
the kernel the unfolding of both.  It need not even be right: whichever constant stands in a term, the kernel checks
the term, and the kernel compares what it proves with the statement. -/

/-- Which names of an export it declares, and which of them as inductive types, by their places. -/
structure Declares where
  names : Array Bool
  types : Array Bool

def boolAt (flags : Array Bool) (i : Nat) : Bool := if h : i < flags.size then flags[i] else false

def setBool (flags : Array Bool) (i : Nat) (flag : Bool) : Array Bool :=
  if h : i < flags.size then flags.set i flag h else flags

partial def pushFalse (n : Nat) (flags : Array Bool) : Array Bool :=
  if n == 0 then flags else pushFalse (n - 1) (flags.push false)

partial def markCtors (flag : Bool) (rows : Array Json) (i : Nat) (declares : Declares) : Except String Declares := do
  if h : i < rows.size then
    match rows[i] with
    | .arr cells =>
      let { names, types } := declares
      markCtors flag rows (i + 1) { names := setBool names (← natAt cells 0) flag, types }
    | _ => .error "a constructor is no list"
  else return declares

partial def markTypes (flag : Bool) (rows : Array Json) (i : Nat) (declares : Declares) : Except String Declares := do
  if h : i < rows.size then
    let place ← natOf (field rows[i] "name")
    let { names, types } := declares
    let declares := { names := setBool names place flag, types := setBool types place flag : Declares }
    markTypes flag rows (i + 1) (← markCtors flag (← rowsOf rows[i] "ctors") 0 declares)
  else return declares

/-- With the names that one declaration gives marked by `flag`; those of recursors follow from their types'. -/
def markDecl (flag : Bool) (row : Json) (declares : Declares) : Except String Declares := do
  match field row "kind" with
  | .str "quotient" => return declares
  | .str "inductive" => markTypes flag (← rowsOf row "types") 0 declares
  | _ =>
    let { names, types } := declares
    return { names := setBool names (← natOf (field row "name")) flag, types }

partial def markDecls (rows : Array Json) (i : Nat) (declares : Declares) : Except String Declares := do
  if h : i < rows.size then markDecls rows (i + 1) (← markDecl true rows[i] declares) else return declares

/-- Whether the kernel gives names with this last part to recursors: `rec`, or `rec_1` and so on. -/
def isRecursorPart (part : String) : Bool :=
  match part.toList with
  | ['r', 'e', 'c'] => true
  | 'r' :: 'e' :: 'c' :: '_' :: _ => true
  | _ => false

/-- The constants that the names at `i` and after stand for: below the root where the export declares them. -/
partial def constantsFrom (names : NameTable) (rows : Array Json) (declares : Declares) (i : Nat)
    (constants : Array Name) : Array Name :=
  if h : i < names.written.size then
    let written := names.written[i]
    let parent := match cellAt rows (i - 1) with
      | .arr cells => placeAt cells 0
      | _ => nowhere
    let isRecursor := match written with
      | .str _ part => boolAt declares.types parent && isRecursorPart part
      | _ => false
    let isDeclared := boolAt declares.names i || isRecursor
    let constant := if isDeclared then (if h : i < names.renamed.size then names.renamed[i] else written) else written
    constantsFrom names rows declares (i + 1) (constants.push constant)
  else constants

/-- Whether the export declares a name that `env` has too, the target excepted. -/
partial def sharesName (env : Environment) (target : Name) (names : NameTable) (declares : Declares) (i : Nat) : Bool :=
  if h : i < names.written.size then
    (boolAt declares.names i && names.written[i] != target && env.contains names.written[i]) ||
      sharesName env target names declares (i + 1)
  else false

/-! #### The same content -/

/-- An expression as it is exported: without metadata. -/
partial def withoutMetadata (e : Expr) : Expr :=
  e.replace fun
    | .mdata _ inner => some (withoutMetadata inner)
    | _ => none

/-- Whether `written`, of a declaration with these universe parameters, is `known` of one with those. -/
def sameExpr (params knownParams : List Name) (written known : Expr) : Bool :=
  written.instantiateLevelParams params (levelsOf knownParams) == withoutMetadata known

def sameCount : List Name → List Name → Bool
  | [], [] => true
  | _ :: xs, _ :: ys => sameCount xs ys
  | _, _ => false

def sameCtors (env : Environment) (params knownParams : List Name) : List Constructor → List Name → Bool
  | [], [] => true
  | ctor :: rest, name :: names =>
    ctor.name == name &&
      (match env.find? name with
      | some info => sameExpr params knownParams ctor.type info.type
      | none => false) && sameCtors env params knownParams rest names
  | _, _ => false

def sameTypes (env : Environment) (params : List Name) (arity : Nat) : List InductiveType → List Name → Bool
  | [], [] => true
  | type :: rest, name :: names =>
    type.name == name &&
      (match env.find? name with
      | some (.inductInfo v) =>
        v.numParams == arity && sameCount params v.levelParams &&
          sameExpr params v.levelParams type.type v.type && sameCtors env params v.levelParams type.ctors v.ctors
      | _ => false) && sameTypes env params arity rest names
  | _, _ => false

/-- Whether `env` has this declaration, with this content.  Of a theorem only what it says counts. -/
def isIn (env : Environment) (decl : Declaration) : Bool :=
  match decl with
  | .axiomDecl v => match env.find? v.name with
    | some (.axiomInfo w) => sameCount v.levelParams w.levelParams && sameExpr v.levelParams w.levelParams v.type w.type
    | _ => false
  | .thmDecl v => match env.find? v.name with
    | some (.thmInfo w) => sameCount v.levelParams w.levelParams && sameExpr v.levelParams w.levelParams v.type w.type
    | _ => false
  | .defnDecl v => match env.find? v.name with
    | some (.defnInfo w) => sameCount v.levelParams w.levelParams &&
        sameExpr v.levelParams w.levelParams v.type w.type && sameExpr v.levelParams w.levelParams v.value w.value
    | _ => false
  | .opaqueDecl v => match env.find? v.name with
    | some (.opaqueInfo w) => sameCount v.levelParams w.levelParams &&
        sameExpr v.levelParams w.levelParams v.type w.type && sameExpr v.levelParams w.levelParams v.value w.value
    | _ => false
  | .inductDecl params arity types _ => match types with
    | type :: _ => match env.find? type.name with
      | some (.inductInfo v) => sameTypes env params arity types v.all
      | _ => false
    | [] => false
  | _ => false

/-- The names and expressions of a declaration. -/
def ctorExprs : List Constructor → List Expr → List Expr
  | [], acc => acc
  | ctor :: rest, acc => ctorExprs rest (ctor.type :: acc)

def typeExprs : List InductiveType → List Expr → List Expr
  | [], acc => acc
  | type :: rest, acc => typeExprs rest (ctorExprs type.ctors (type.type :: acc))

def exprsOfDecl : Declaration → List Expr
  | .axiomDecl v => [v.type]
  | .thmDecl v => [v.type]
  | .defnDecl v => [v.type, v.value]
  | .opaqueDecl v => [v.type, v.value]
  | .inductDecl _ _ types _ => typeExprs types []
  | _ => []

def ctorNames : List Constructor → List Name → List Name
  | [], acc => acc
  | ctor :: rest, acc => ctorNames rest (ctor.name :: acc)

def namesOfTypes : List InductiveType → List Name → List Name
  | [], acc => acc
  | type :: rest, acc => namesOfTypes rest (type.name :: ctorNames type.ctors acc)

def namesOfDecl : Declaration → List Name
  | .axiomDecl v => [v.name]
  | .thmDecl v => [v.name]
  | .defnDecl v => [v.name]
  | .opaqueDecl v => [v.name]
  | .inductDecl _ _ types _ => namesOfTypes types []
  | _ => []

def insertAll : List Name → NameSet → NameSet
  | [], set => set
  | name :: rest, set => insertAll rest (set.insert name)

/-- Whether one of the names, or the type whose recursor it names, is among `other`. -/
def usesOther (other : NameSet) : List Name → Bool
  | [] => false
  | name :: rest =>
    other.contains name ||
      (match name with
      | .str parent part => isRecursorPart part && other.contains parent
      | _ => false) || usesOther other rest

/-- What is left of `declares` when declarations that `env` has too are taken out.  `other` are the names of those
before that it does not have: what uses them is another one, however alike it reads. -/
partial def withoutKnown (env : Environment) (target : Name) (tables : Tables) (rows : Array Json) (i : Nat)
    (other : NameSet) (declares : Declares) : Except String Declares := do
  if h : i < rows.size then
    let decl ← readDecl tables rows[i]
    let names := namesOfDecl decl
    let isTarget := match names with
      | [name] => name == target
      | _ => false
    if !isTarget && isIn env decl && !usesOther other (usedBy (exprsOfDecl decl) []) then
      withoutKnown env target tables rows (i + 1) other (← markDecl false rows[i] declares)
    else withoutKnown env target tables rows (i + 1) (insertAll names other) declares
  else return declares

/-! #### The tables of an export, renamed -/

/-- An export that was read: its tables, and the rows of what it declares beyond what is there already. -/
structure ReadExport where
  tables : Tables
  rows : Array Json
  declares : Declares

/-- Read an export that is to prove `target` in `env`. -/
def readExport (env : Environment) (target : Name) (json : Json) : Except Refusal ReadExport := do
  let read : Except String (Array Json × NameTable × Array Level × Array Json × Array Json × Declares) := do
    let nameRows ← rowsOf json "names"
    let names ← readNames nameRows 0 {}
    let levels ← readLevels names.written (← rowsOf json "levels") 0 #[.zero]
    let decls ← rowsOf json "decls"
    let none := pushFalse names.written.size #[]
    return (nameRows, names, levels, ← rowsOf json "exprs", decls, ← markDecls decls 0 { names := none, types := none })
  match read with
  | .error reason => .error (unreadable reason)
  | .ok (nameRows, names, levels, exprRows, decls, declares) =>
    if exprRows.size > exprLimit then .error (unreadable "it has too many expressions")
    else
      let { written, .. } := names
      let declares ← if sharesName env target names declares 0 then
          let words : Words := { env, names := written, constants := written, levels }
          match withoutKnown env target { words, exprs := ← readExprs words exprRows 0 {} } decls 0 {} declares with
          | .ok declares => pure declares
          | .error reason => .error (unreadable reason)
        else pure declares
      let words : Words := { env, names := written, constants := constantsFrom names nameRows declares 0 #[], levels }
      return { tables := { words, exprs := ← readExprs words exprRows 0 {} }, rows := decls, declares }

/-! #### Names as their author wrote them, for people to read -/

/-- A name without the root above it. -/
partial def writtenName (name : Name) : Name :=
  if name == renamedRoot then .anonymous
  else match name with
    | .str parent part => .str (writtenName parent) part
    | .num parent part => .num (writtenName parent) part
    | .anonymous => .anonymous

def withWrittenNames (e : Expr) : Expr :=
  e.replace fun
    | .const name levels => some (.const (writtenName name) levels)
    | _ => none
