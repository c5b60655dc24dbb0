/-! ### Reading an export back

Nothing in an export is believed.  Every number is looked up in bounds and every text is measured; what
cannot be read is an error, and what can be read is for the kernel to accept or refuse. -/

/-- Depth of the deepest expression that is read: checking a term recurses on the stack, and the embedded Lean
ends at about twice this depth. -/
def depthLimit : Nat := 4000

/-- Loose bound variables count in 20 bits. -/
def variableLimit : Nat := 1000000

/-- Digits of the largest numeral that is read: as many as a million bits have. -/
def digitLimit : Nat := 302000

def natOf : Json → Except String Nat
  | .num n => if n.exponent == 0 && n.mantissa ≥ 0 then .ok n.mantissa.toNat else .error "a number is not natural"
  | _ => .error "a number is missing"

def cellAt (cells : Array Json) (i : Nat) : Json := if h : i < cells.size then cells[i] else .null

def natAt (cells : Array Json) (i : Nat) : Except String Nat := natOf (cellAt cells i)

/-- No table has this place. -/
def nowhere : Nat := 1000000000

/-- A place in a table; what is no number is `nowhere`. -/
def placeAt (cells : Array Json) (i : Nat) : Nat :=
  match cellAt cells i with
  | .num { mantissa := .ofNat n, exponent := 0 } => n
  | _ => nowhere

def rowsOf (json : Json) (name : String) : Except String (Array Json) :=
  match field json name with
  | .arr rows => .ok rows
  | _ => .error ("`" ++ name ++ "` is no list")

/-! The tables hold what is not written first: the anonymous name and level zero. -/

def nameAt (names : Array Name) (i : Nat) : Except String Name :=
  if h : i < names.size then .ok names[i] else .error ("there is no name " ++ toString i)

def levelAt (levels : Array Level) (i : Nat) : Except String Level :=
  if h : i < levels.size then .ok levels[i] else .error ("there is no level " ++ toString i)

/-- Expressions read so far, with the depth of each. -/
structure Exprs where
  values : Array Expr := #[]
  depths : Array Nat := #[]

def Exprs.at (exprs : Exprs) (i : Nat) : Except String Expr :=
  if h : i < exprs.values.size then .ok exprs.values[i] else .error ("there is no expression " ++ toString i)

/-- The expression whose place stands in a cell. -/
def Exprs.part (exprs : Exprs) (cells : Array Json) (i : Nat) : Except String Expr := exprs.at (placeAt cells i)

def Exprs.depth (exprs : Exprs) (cells : Array Json) (i : Nat) : Nat :=
  let place := placeAt cells i
  if h : place < exprs.depths.size then exprs.depths[place] else 0

/-- The greater of the depths of the parts in two cells. -/
def Exprs.deeper (exprs : Exprs) (cells : Array Json) (i j : Nat) : Nat :=
  let a := exprs.depth cells i
  let b := exprs.depth cells j
  if a < b then b else a

/-- The names of an export: as they are written, and below the root. -/
structure NameTable where
  written : Array Name := #[.anonymous]
  renamed : Array Name := #[renamedRoot]

def NameTable.push (names : NameTable) (part : Json) (written renamed : Name) : Except String NameTable := do
  let { written := allWritten, renamed := allRenamed } := names
  match part with
  | .str part => return { written := allWritten.push (.str written part), renamed := allRenamed.push (.str renamed part) }
  | number =>
    let part ← natOf number
    return { written := allWritten.push (.num written part), renamed := allRenamed.push (.num renamed part) }

partial def readNames (rows : Array Json) (i : Nat) (names : NameTable) : Except String NameTable := do
  if h : i < rows.size then
    match rows[i] with
    | .arr cells =>
      let place ← natAt cells 0
      let names ← names.push (cellAt cells 1) (← nameAt names.written place) (← nameAt names.renamed place)
      readNames rows (i + 1) names
    | _ => .error "a name is no list"
  else return names

def readLevel (names : Array Name) (levels : Array Level) (cells : Array Json) : Except String Level := do
  match cellAt cells 0 with
  | .str "succ" => return .succ (← levelAt levels (← natAt cells 1))
  | .str "max" => return plainMax (← levelAt levels (← natAt cells 1)) (← levelAt levels (← natAt cells 2))
  | .str "imax" => return plainIMax (← levelAt levels (← natAt cells 1)) (← levelAt levels (← natAt cells 2))
  | .str "param" => return .param (← nameAt names (← natAt cells 1))
  | _ => .error "a level is of no known kind"

partial def readLevels (names : Array Name) (rows : Array Json) (i : Nat) (levels : Array Level) :
    Except String (Array Level) :=
  if h : i < rows.size then
    match rows[i] with
    | .arr cells =>
      match readLevel names levels cells with
      | .ok level => readLevels names rows (i + 1) (levels.push level)
      | .error reason => .error reason
    | _ => .error "a level is no list"
  else .ok levels

partial def levelsFrom (levels : Array Level) (cells : Array Json) (i : Nat) (acc : List Level) :
    Except String (List Level) := do
  if i < cells.size then levelsFrom levels cells (i + 1) ((← levelAt levels (placeAt cells i)) :: acc)
  else return reverseOnto acc []

def binderOf : Json → Except String BinderInfo
  | .str "d" => .ok .default
  | .str "i" => .ok .implicit
  | .str "s" => .ok .strictImplicit
  | .str "c" => .ok .instImplicit
  | _ => .error "a binder is of no known kind"

def digitsOnly : List Char → Bool
  | [] => true
  | c :: rest => c.isDigit && digitsOnly rest

def numeralOf (text : String) : Except String Nat :=
  if text.utf8ByteSize > digitLimit then .error "a numeral is too long"
  else match text.toNat? with
    | some n => .ok n
    | none => .error "a numeral is not of digits"

/-- What expressions are read with: the names as written, the constants that these stand for, the levels, and what
was there before. -/
structure Words where
  env : Environment
  names : Array Name
  constants : Array Name
  levels : Array Level

/-- An expression, and the depth of its deepest part. -/
def readExpr (words : Words) (exprs : Exprs) (cells : Array Json) : Except String (Expr × Nat) := do
  let { names, constants, levels, .. } := words
  match cellAt cells 0 with
  | .str "app" => return (.app (← exprs.part cells 1) (← exprs.part cells 2), exprs.deeper cells 1 2)
  | .str "const" =>
    return (.const (← nameAt constants (placeAt cells 1)) (← levelsFrom levels cells 2 []), 0)
  | .str "var" =>
    let i ← natAt cells 1
    if i < variableLimit then return (.bvar i, 0) else .error "a bound variable is out of range"
  | .str "lam" =>
    return (.lam (← nameAt names (placeAt cells 1)) (← exprs.part cells 2) (← exprs.part cells 3)
      (← binderOf (cellAt cells 4)), exprs.deeper cells 2 3)
  | .str "pi" =>
    return (.forallE (← nameAt names (placeAt cells 1)) (← exprs.part cells 2) (← exprs.part cells 3)
      (← binderOf (cellAt cells 4)), exprs.deeper cells 2 3)
  | .str "let" =>
    let nondep ← match cellAt cells 5 with
      | .bool b => pure b
      | _ => .error "a `let` does not say whether its body depends on it"
    let inner := exprs.deeper cells 3 4
    let outer := exprs.depth cells 2
    return (.letE (← nameAt names (placeAt cells 1)) (← exprs.part cells 2) (← exprs.part cells 3)
      (← exprs.part cells 4) nondep, if outer < inner then inner else outer)
  | .str "proj" =>
    return (.proj (← nameAt constants (placeAt cells 1)) (← natAt cells 2) (← exprs.part cells 3), exprs.depth cells 3)
  | .str "sort" => return (.sort (← levelAt levels (placeAt cells 1)), 0)
  | .str "nat" =>
    match cellAt cells 1 with
    | .str digits => return (.lit (.natVal (← numeralOf digits)), 0)
    | _ => .error "a numeral is no text"
  | .str "str" =>
    match cellAt cells 1 with
    | .str text => return (.lit (.strVal text), 0)
    | _ => .error "a string literal is no text"
  | _ => .error "an expression is of no known kind"

/-- An export that cannot be read comes from a broken worker: that says nothing about the proof. -/
def unreadable (reason : String) : Refusal :=
  { status := "infra_error", reason := "the export cannot be read: " ++ reason }

/-- Whether the header has what the kernel takes a literal apart into. -/
def hasLiterals (env : Environment) : Bool :=
  env.contains ``Nat && env.contains ``Nat.succ && env.contains ``String && env.contains ``Char &&
    env.contains ``Char.ofNat && env.contains ``List.nil && env.contains ``List.cons

def unsupported (reason : String) : Option Refusal := some { status := "unsupported", reason }

/-- What this Lean's kernel must not be shown of an expression.  What the export declares is looked at later. -/
def unsupportedExpr (words : Words) (cells : Array Json) : Option Refusal :=
  let { env, constants, .. } := words
  let literal (_ : Unit) : Option Refusal :=
    if hasLiterals env then none else unsupported "it has literals, under a header without the types of literals"
  match cellAt cells 0 with
  | .str "nat" => literal ()
  | .str "str" => literal ()
  | .str "proj" =>
    match nameAt constants (placeAt cells 1) with
    | .ok name =>
      if kernelIsConcerned && env.contains name && !isPlainStructure env name then
        unsupported ("it projects out of `" ++ name.toString ++ "`, which may be a proposition or not")
      else none
    | .error _ => none
  | _ => none

partial def readExprs (words : Words) (rows : Array Json) (i : Nat) (exprs : Exprs) : Except Refusal Exprs :=
  if h : i < rows.size then
    match rows[i] with
    | .arr cells =>
      match unsupportedExpr words cells, readExpr words exprs cells with
      | some refusal, _ => .error refusal
      | none, .ok (e, depth) =>
        if depth < depthLimit then
          let { values, depths } := exprs
          readExprs words rows (i + 1) { values := values.push e, depths := depths.push (depth + 1) }
        else .error { status := "resource_exhausted",
                      reason := "a term is nested more than " ++ toString depthLimit ++ " deep" }
      | none, .error reason => .error (unreadable reason)
    | _ => .error (unreadable "an expression is no list")
  else .ok exprs

/-! #### Declarations -/

/-- The tables of an export. -/
structure Tables where
  words : Words
  exprs : Exprs

partial def namesFrom (names : Array Name) (cells : Array Json) (i : Nat) (acc : List Name) :
    Except String (List Name) := do
  if i < cells.size then namesFrom names cells (i + 1) ((← nameAt names (← natAt cells i)) :: acc)
  else return reverseOnto acc []

def hintsOf : Json → Except String ReducibilityHints
  | .str "opaque" => .ok .opaque
  | .str "abbrev" => .ok .abbrev
  | json => do return .regular (← natOf json).toUInt32

partial def ctorsFrom (tables : Tables) (rows : Array Json) (i : Nat) (acc : List Constructor) :
    Except String (List Constructor) := do
  if h : i < rows.size then
    match rows[i] with
    | .arr cells =>
      let ctor : Constructor := { name := ← nameAt tables.words.constants (← natAt cells 0), type := ← tables.exprs.at (← natAt cells 1) }
      ctorsFrom tables rows (i + 1) (ctor :: acc)
    | _ => .error "a constructor is no list"
  else return reverseOnto acc []

partial def typesFrom (tables : Tables) (rows : Array Json) (i : Nat) (acc : List InductiveType) :
    Except String (List InductiveType) := do
  if h : i < rows.size then
    let row := rows[i]
    let name ← nameAt tables.words.constants (← natOf (field row "name"))
    let type ← tables.exprs.at (← natOf (field row "type"))
    let ctors ← ctorsFrom tables (← rowsOf row "ctors") 0 []
    typesFrom tables rows (i + 1) ({ name, type, ctors } :: acc)
  else return reverseOnto acc []

/-- A declaration as the kernel takes it.  All are safe ones: an export cannot ask for less checking. -/
def readDecl (tables : Tables) (row : Json) : Except String Declaration := do
  let params : Except String (List Name) := do namesFrom tables.words.names (← rowsOf row "params") 0 []
  match field row "kind" with
  | .str "quotient" => return .quotDecl
  | .str "inductive" =>
    let types ← typesFrom tables (← rowsOf row "types") 0 []
    return .inductDecl (← params) (← natOf (field row "arity")) types false
  | kind =>
    let levelParams ← params
    let name ← nameAt tables.words.constants (← natOf (field row "name"))
    let type ← tables.exprs.at (← natOf (field row "type"))
    let value : Except String Expr := do tables.exprs.at (← natOf (field row "value"))
    match kind with
    | .str "axiom" => return .axiomDecl { name, levelParams, type, isUnsafe := false }
    | .str "theorem" => return .thmDecl { name, levelParams, type, value := ← value, all := [name] }
    | .str "opaque" =>
      return .opaqueDecl { name, levelParams, type, value := ← value, isUnsafe := false, all := [name] }
    | .str "def" =>
      let hints ← hintsOf (field row "hints")
      return .defnDecl { name, levelParams, type, value := ← value, hints, safety := .safe, all := [name] }
    | _ => .error "a declaration is of no known kind"
