/-! ### The reference statement -/

/-- Budget of each declaration of a statement: not the candidate's, or a small one would refuse the statement. -/
def statementHeartbeats : Nat := 200000

/-- A header that was read: what it imports, and the state it leaves behind. -/
structure Header where
  name : String
  imports : Environment
  state : Command.State

/-- What the statement declares when Lean reads it after the header and nothing else. -/
structure Reference where
  header : String
  statement : String
  name : Name
  info : ConstantInfo
  /-- Where it was declared: its type may use definitions that came with it. -/
  env : Environment

mutual
/-- The names that a command declares, last first, in front of `acc`. -/
partial def declaredIds (stx : Syntax) (acc : List Name) : List Name :=
  match stx with
  | .node _ kind args =>
    if kind == ``Parser.Command.declId then
      if h : 0 < args.size then
        match args[0] with
        | .ident _ _ name _ => name :: acc
        | _ => acc
      else acc
    else declaredIdsFrom args 0 acc
  | _ => acc

partial def declaredIdsFrom (args : Array Syntax) (i : Nat) (acc : List Name) : List Name :=
  if h : i < args.size then declaredIdsFrom args (i + 1) (declaredIds args[i] acc) else acc
end

def countNames : List Name → Nat
  | [] => 0
  | _ :: rest => countNames rest + 1

def currentNamespace (state : Command.State) : Name :=
  match state.scopes with
  | scope :: _ => scope.currNamespace
  | [] => .anonymous

/-- One declaration and nothing else: what a second one says, a submitted file could say differently. -/
def readReference (state : Command.State) (header statement : String) : IO (Except String Reference) := do
  let result ← elaborate state (statement ++ "\n  := sorry") false
  match firstError result.messages with
  | some m => return .error (cut (← m.data.toString))
  | none => pure ()
  match declaredIdsFrom result.commands 0 [] with
  | [id] =>
    -- The second command is the end of the text.
    if result.commands.size != 2 then
      return .error "it has more than one command; give one theorem, and the rest in the header"
    let name := currentNamespace state ++ id
    match result.env.find? name with
    | some info => return .ok { header, statement, name, info, env := result.env }
    | none => return .error ("it does not declare " ++ name.toString)
  | ids => return .error ("it declares " ++ toString (countNames ids) ++ " names; give one theorem")

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

def sameLength : List Name → List Name → Bool
  | [], [] => true
  | _ :: xs, _ :: ys => sameLength xs ys
  | _, _ => false

/-- `e` as the kernel sees it, with the values of the auxiliary definitions that Lean made for it.

A `match` in a statement becomes a definition of its own, whose name depends on what stands before. -/
partial def plain (base env : Environment) (e : Expr) : Expr :=
  e.replace fun
    | .mdata _ inner => some (plain base env inner)
    | .const name levels =>
      if base.contains name || !name.isInternalDetail then none
      else match env.find? name with
        | some (.defnInfo v) => some (plain base env (v.value.instantiateLevelParams v.levelParams levels))
        | _ => none
    | _ => none

/-- Same type up to metadata, auxiliary definitions and the names of bound variables and universe parameters. -/
def sameType (base : Environment) (reference : Reference) (env : Environment) (candidate : ConstantInfo) : Bool :=
  let type := candidate.type.instantiateLevelParams candidate.levelParams (levelsOf reference.info.levelParams)
  sameLength reference.info.levelParams candidate.levelParams &&
    (type == reference.info.type || plain base env type == plain base reference.env reference.info.type)

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
  name == ``propext || name == ``Classical.choice || name == ``Quot.sound || name == ``sorryAx ||
    name == ``Lean.ofReduceBool || name == ``Lean.ofReduceNat || name == ``Lean.trustCompiler

/-- Whether the import is without proofs: then its theorems look like axioms. -/
def theoremsLookLikeAxioms (trusted : Environment) : Bool :=
  match trusted.find? ``Nat.add_comm with
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
        if isTrusted then axiomsFrom trusted candidate proofless todo seen found
        else
          let todo := usedBy (partsOf info) (reverseOnto (companionsOf info) todo)
          axiomsFrom trusted candidate proofless todo seen found

def nameJson : List Name → List Json
  | [] => []
  | n :: rest => .str n.toString :: nameJson rest

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

/-- How the declaration of the reference's name in `env` compares; null when there is none. -/
def declarationJson (header : Header) (reference : Reference) (env : Environment) : IO Json := do
  match env.find? reference.name with
  | none => return .null
  | some info =>
    let same := sameType header.state.env reference env info
    let types ← if same then pure [] else mismatchFields header reference env info.type
    let axioms := axiomsFrom header.imports env (theoremsLookLikeAxioms header.imports) [reference.name] {} []
    return Json.mkObj (
      ("kind", .str (kindName info)) :: ("reference_kind", .str (kindName reference.info)) ::
      ("same_type", .bool same) :: ("axioms", jsonArray (nameJson axioms) #[]) :: types)

