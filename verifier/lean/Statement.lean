/-! ### The reference statement -/

/-- A header that was read: what it imports, and the state it leaves behind. -/
structure Header where
  name : String
  imports : Environment
  state : Command.State
  /-- The state before its first landmark: a file that brings the landmarks itself is read in this one. -/
  preamble : Command.State
  /-- What its commands are known by, where it matters whether a file has them too. -/
  landmarks : List String
  /-- What it sets `maxHeartbeats` to, if it does. -/
  heartbeats? : Option Nat

/-- What the statement declares when Lean reads it after the header and nothing else. -/
structure Reference where
  header : String
  statement : String
  name : Name
  info : ConstantInfo
  /-- Where it was declared: its type may use definitions that came with it. -/
  env : Environment

def currentNamespace (state : Command.State) : Name :=
  match state.scopes with
  | scope :: _ => scope.currNamespace
  | [] => .anonymous

/-- One declaration and nothing else: what a second one says, a submitted file could say differently. -/
def readReference (state : Command.State) (header statement : String) : IO (Except String Reference) := do
  let result ← elaborate state (textOf (statement ++ "\n  := sorry")) false
  match firstError result.messages with
  | some m => return .error (cut (← m.data.toString))
  | none => pure ()
  match declaredIdsFrom result.commands 0 [] with
  | [id] =>
    -- The second command is the end of the text.
    if result.commands.size != 2 then
      return .error "it has more than one command; give one theorem, and the rest in the header"
    match declaredAs result.env (currentNamespace state) id with
    | some info => return .ok { header, statement, name := info.name, info, env := result.env }
    | none => return .error ("it does not declare " ++ id.toString)
  | ids => return .error ("it declares " ++ toString (countOf ids) ++ " names; give one theorem")

/-! ### Comparing the candidate's declaration -/

def kindName : ConstantInfo → String
  | .axiomInfo _ => "axiom"
  | .defnInfo _ => "def"
  | .thmInfo _ => "theorem"
  | .opaqueInfo _ => "opaque"
  | .quotInfo _ => "quotient"
  | .inductInfo _ => "inductive"
  | .ctorInfo _ => "constructor"
  | .recInfo _ => "recursor"

def levelsOf : List Name → List Level
  | [] => []
  | n :: rest => .param n :: levelsOf rest

def partsOf : ConstantInfo → List Expr
  | .axiomInfo v => [v.type]
  | .defnInfo v => [v.type, v.value]
  | .thmInfo v => [v.type, v.value]
  | .opaqueInfo v => [v.type, v.value]
  | info => [info.type]

/-- Names a constant stands for that need not occur in its type. -/
def companionsOf : ConstantInfo → List Name
  | .inductInfo v => v.ctors
  | .ctorInfo v => [v.induct]
  | .recInfo v => v.all
  | _ => []

def usedBy : List Expr → List Name → List Name
  | [], acc => acc
  | e :: rest, acc => usedBy rest (arrayOnto e.getUsedConstants 0 acc)

/-- The axioms that a library of Lean's own declares. -/
def isKnownAxiom (name : Name) : Bool :=
  -- Not checked when compiled: newer versions lack some.
  name == `propext || name == `Classical.choice || name == `Quot.sound || name == `sorryAx ||
    name == `Lean.ofReduceBool || name == `Lean.ofReduceNat || name == `Lean.trustCompiler

/-- Constants that the kernel evaluates by running compiled code.  What rests on them rests on the compiler, also
where nothing names an axiom, and where the library came without the bodies that would. -/
def runsCode (name : Name) : Bool := name == `Lean.reduceBool || name == `Lean.reduceNat

/-- Whether the import is without proofs: then its theorems look like axioms.  `Eq.symm` is a theorem of the
first file of all. -/
def theoremsLookLikeAxioms (trusted : Environment) : Bool :=
  match trusted.find? ``Eq.symm with
  | some (.axiomInfo _) => true
  | _ => false

/-- Axioms reachable from `todo` through what the header and the text declare.

What the header imports is a leaf: its theorems' proofs need not be there. -/
partial def axiomsFrom (trusted candidate : Environment) (proofless : Bool) :
    List Name → NameSet → List Name → List Name
  | [], _, found => found
  | name :: todo, seen, found =>
    if seen.contains name then axiomsFrom trusted candidate proofless todo seen found
    else
      let seen := seen.insert name
      let isTrusted := trusted.contains name
      match candidate.find? name with
      | none => axiomsFrom trusted candidate proofless todo seen found
      | some info =>
        let found := match info with
          | .axiomInfo _ => if isTrusted && proofless && !isKnownAxiom name then found else name :: found
          | _ => found
        let found := if runsCode name then `Lean.trustCompiler :: found else found
        if isTrusted then axiomsFrom trusted candidate proofless todo seen found
        else
          let todo := usedBy (partsOf info) (reverseOnto (companionsOf info) todo)
          axiomsFrom trusted candidate proofless todo seen found

/-- Above all names that an export declares: a number stands where a text could only write letters. -/
def renamedRoot : Name := .num (.str .anonymous "submitted") 0

/-- A name without the root above it. -/
partial def writtenName (name : Name) : Name :=
  if name == renamedRoot then .anonymous
  else match name with
    | .str parent part => .str (writtenName parent) part
    | .num parent part => .num (writtenName parent) part
    | .anonymous => .anonymous

/-- The names that the header has. -/
def namesIn (env : Environment) : List Name → List Json
  | [] => []
  | n :: rest => if env.contains n then .str n.toString :: namesIn env rest else namesIn env rest

/-- The names that the header lacks, as they were written; but with the root above them where the header has such a
name of its own, so that whoever allows the header's does not allow another. -/
def namesOutside (env : Environment) : List Name → List Json
  | [] => []
  | n :: rest =>
    if env.contains n then namesOutside env rest
    else
      let written := writtenName n
      .str (if env.contains written then n else written).toString :: namesOutside env rest

def typeText (state : Command.State) (env : Environment) (explicit : Bool) (e : Expr) : IO String := do
  let opts := match state.scopes with
    | scope :: _ => scope.opts
    | [] => {}
  let opts := if explicit then (opts.setBool `pp.explicit true).setBool `pp.notation false else opts
  let formatted ← ppExprWithInfos { env, opts } e
  return cut formatted.fmt.pretty

/-- The outermost parts in which two types differ and are not of one form; a bound variable stands as its name. -/
partial def difference (a b : Expr) : Expr × Expr :=
  match a, b with
  | .mdata _ a, b => difference a b
  | a, .mdata _ b => difference a b
  | .app f x, .app g y => if x == y then difference f g else if f == g then difference x y else (a, b)
  | .forallE name t a _, .forallE _ u b _ =>
    if t == u then difference (a.instantiate1 (.const name [])) (b.instantiate1 (.const name [])) else difference t u
  | _, _ => (a, b)

/-- Two types as they read; in full where that looks the same. -/
def bothTexts (header : Header) (reference : Reference) (env : Environment) (got want : Expr) :
    IO (String × String) := do
  let gotText ← typeText header.state env false got
  let wantText ← typeText header.state reference.env false want
  if gotText != wantText then return (gotText, wantText)
  return (← typeText header.state env true got, ← typeText header.state reference.env true want)

/-- Both types, and the part in which they differ. -/
def mismatchFields (header : Header) (reference : Reference) (env : Environment) (type : Expr) :
    IO (List (String × Json)) := do
  let (got, want) ← bothTexts header reference env type reference.info.type
  let (gotPart, wantPart) := difference type reference.info.type
  let (gotPart, wantPart) ← bothTexts header reference env gotPart wantPart
  return [("type", .str got), ("reference_type", .str want), ("part", .str gotPart), ("reference_part", .str wantPart)]

/-- What the declaration of `name` in `env` is, and on which axioms it rests: those of the header, and those that
the candidate declared, whatever they are called. -/
def standing (header : Header) (reference : Reference) (env : Environment) (info : ConstantInfo) (name : Name) :
    List (String × Json) :=
  let axioms := axiomsFrom header.imports env (theoremsLookLikeAxioms header.imports) [name] {} []
  [("kind", .str (kindName info)), ("reference_kind", .str (kindName reference.info)),
   ("universes", .num (countOf info.levelParams)),
   ("reference_universes", .num (countOf reference.info.levelParams)),
   ("axioms", jsonArray (namesIn header.state.env axioms) #[]),
   ("own_axioms", jsonArray (namesOutside header.state.env axioms) #[])]
