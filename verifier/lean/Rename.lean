/-! ### Renaming: what an export declares gets names that nothing else has

No name of a candidate's is believed.  What an export declares is declared below a root of its own, which no text
can write and the header does not use.  So no declaration can stand for one of the statement's, and a name that
the kernel treats in a way of its own (`Nat.gcd`) has no power on what a candidate declares under it.

Only a declaration that the header or the statement has *with the same content* is taken for that one.  This spares
the kernel the unfolding of both.  It need not even be right: whichever constant stands in a term, the kernel checks
the term, and the kernel compares what it proves with the statement. -/

def insertAll : List Name → NameSet → NameSet
  | [], set => set
  | name :: rest, set => insertAll rest (set.insert name)

/-- The names that an export declares, and which of them as inductive types. -/
structure Declares where
  names : NameSet := {}
  types : NameSet := {}

partial def ctorNamesOf (names : Array Name) (rows : Array Json) (i : Nat) (declares : Declares) :
    Except String Declares := do
  if h : i < rows.size then
    match rows[i] with
    | .arr cells =>
      let { names := declared, types } := declares
      let name ← nameAt names (← natAt cells 0)
      ctorNamesOf names rows (i + 1) { names := declared.insert name, types }
    | _ => .error "a constructor is no list"
  else return declares

partial def typeNamesOf (names : Array Name) (rows : Array Json) (i : Nat) (declares : Declares) :
    Except String Declares := do
  if h : i < rows.size then
    let name ← nameAt names (← natOf (field rows[i] "name"))
    let { names := declared, types } := declares
    let declares ← ctorNamesOf names (← rowsOf rows[i] "ctors") 0
      { names := declared.insert name, types := types.insert name }
    typeNamesOf names rows (i + 1) declares
  else return declares

/-- With the names that declaration `i` and those after it give; those of recursors follow from their types'. -/
partial def declaredFrom (names : Array Name) (rows : Array Json) (i : Nat) (declares : Declares) :
    Except String Declares := do
  if h : i < rows.size then
    match field rows[i] "kind" with
    | .str "quotient" => declaredFrom names rows (i + 1) declares
    | .str "inductive" =>
      declaredFrom names rows (i + 1) (← typeNamesOf names (← rowsOf rows[i] "types") 0 declares)
    | _ =>
      let name ← nameAt names (← natOf (field rows[i] "name"))
      let { names := declared, types } := declares
      declaredFrom names rows (i + 1) { names := declared.insert name, types }
  else return declares

/-- Whether the kernel gives names with this last part to recursors: `rec`, or `rec_1` and so on. -/
def isRecursorPart (part : String) : Bool :=
  match part.toList with
  | ['r', 'e', 'c'] => true
  | 'r' :: 'e' :: 'c' :: '_' :: number => digitsOnly number
  | _ => false

/-- Whether a name is one of `declares`, or the recursor of a type of them. -/
def isDeclared (declares : Declares) (name : Name) : Bool :=
  let { names, types } := declares
  names.contains name || (match name with
    | .str parent part => isRecursorPart part && types.contains parent
    | _ => false)

/-- The constants that the names at `i` and after stand for: below the root where the export declares them and they
are not `known`. -/
partial def constantsFrom (names : NameTable) (declares known : Declares) (i : Nat) (constants : Array Name) :
    Array Name :=
  if h : i < names.written.size then
    let written := names.written[i]
    let constant :=
      if isDeclared declares written && !isDeclared known written then
        if h : i < names.renamed.size then names.renamed[i] else written
      else written
    constantsFrom names declares known (i + 1) (constants.push constant)
  else constants

/-- Whether the export declares a name that `env` has too, the target excepted. -/
partial def sharesName (env : Environment) (target : Name) (names : Array Name) (declares : Declares) (i : Nat) :
    Bool :=
  if h : i < names.size then
    (isDeclared declares names[i] && names[i] != target && env.contains names[i]) ||
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

/-- Whether one of the names is, or is the recursor of, one of `other`. -/
def usesOther (other : Declares) : List Name → Bool
  | [] => false
  | name :: rest => isDeclared other name || usesOther other rest

def withDecl (decl : Declaration) (declares : Declares) : Declares :=
  let { names, types } := declares
  let types := match decl with
    | .inductDecl _ _ declared _ => insertAll (typeNames declared) types
    | _ => types
  { names := insertAll (namesOfDecl decl) names, types }

/-- Of the declarations from `i` on those that `env` has too, added to `known`.  `other` are those before that it
does not have: what uses them is another one, however alike it reads. -/
partial def knownFrom (env : Environment) (target : Name) (tables : Tables) (rows : Array Json) (i : Nat)
    (known other : Declares) : Except String Declares := do
  if h : i < rows.size then
    let decl ← readDecl tables rows[i]
    let isTarget := match namesOfDecl decl with
      | [name] => name == target
      | _ => false
    if !isTarget && isIn env decl && !usesOther other (usedBy (exprsOfDecl decl) []) then
      knownFrom env target tables rows (i + 1) (withDecl decl known) other
    else knownFrom env target tables rows (i + 1) known (withDecl decl other)
  else return known

/-! #### An export, renamed -/

/-- An export that was read: its tables, the rows of its declarations, and which of these are there already. -/
structure ReadExport where
  tables : Tables
  rows : Array Json
  known : Declares

/-- Read an export that is to prove `target` in `env`. -/
def readExport (env : Environment) (target : Name) (json : Json) : Except Refusal ReadExport := do
  let read : Except String (NameTable × Array Level × Array Json × Array Json × Declares) := do
    let names ← readNames (← rowsOf json "names") 0 {}
    let levels ← readLevels names.written (← rowsOf json "levels") 0 #[.zero]
    let decls ← rowsOf json "decls"
    return (names, levels, ← rowsOf json "exprs", decls, ← declaredFrom names.written decls 0 {})
  match read with
  | .error reason => .error (unreadable reason)
  | .ok (names, levels, exprRows, decls, declares) =>
    if exprRows.size > exprLimit then .error (unreadable "it has too many expressions")
    else
      let { written, .. } := names
      let known ← if sharesName env target written declares 0 then
          let words : Words := { env, names := written, constants := written, levels }
          match knownFrom env target { words, exprs := ← readExprs words exprRows 0 {} } decls 0 {} {} with
          | .ok known => pure known
          | .error reason => .error (unreadable reason)
        else pure {}
      let words : Words := { env, names := written, constants := constantsFrom names declares known 0 #[], levels }
      return { tables := { words, exprs := ← readExprs words exprRows 0 {} }, rows := decls, known }
