/-! ### Export: a theorem and what it rests on, as data

What the candidate made is written out so that a process which never ran it can check it.  The form follows
lean4export: every name, universe level and expression is written once and has the number of its place.

    names    [[parent, "part"] or [parent, 7], ...]      0 is the anonymous name and not written
    levels   [["succ", l], ["max", l, l], ["imax", l, l], ["param", n], ...]        0 is zero, not written
    exprs    [["app", f, a], ["const", n, l...], ["var", i], ["lam", n, t, b, "i"], ["pi", n, t, b, "d"],
              ["let", n, t, v, b, nondep], ["proj", n, i, e], ["nat", "12"], ["str", "x"], ["sort", l], ...]
    decls    [{"kind", "name", "params", "type", "value", ...}, ...]      each after those it uses

Metadata is left out: the kernel does not read it.  Constructors and recursors are not written either,
because the kernel makes them from the inductive type. -/

/-- Expressions written at most; a million take about 100 MB here. -/
def exprLimit : Nat := 1000000

/-- Bits of the largest numeral written. -/
def numeralLimit : Nat := 1000000

/-- Why a proof cannot be audited or its audit failed, with the status that `verifier/verdict.py` has for it. -/
structure Refusal where
  status : String
  reason : String

/-- What has been written so far. -/
structure Export where
  names : Table Name := newTable
  nameRows : Array Json := #[]
  levels : Table Level := newTable
  levelRows : Array Json := #[]
  exprs : Table Expr := newTable
  exprRows : Array Json := #[]
  declRows : Array Json := #[]
  /-- Why the rest cannot be written. -/
  failure? : Option Refusal := none

def Export.fail (s : Export) (status reason : String) : Export :=
  match s.failure? with
  | some _ => s
  | none => { s with failure? := some { status, reason } }

/-- It is more than an audit reads. -/
def Export.tooLarge (s : Export) (reason : String) : Export := s.fail "resource_exhausted" reason

/-- No kernel would take it. -/
def Export.ill (s : Export) (reason : String) : Export := s.fail "kernel_rejected" reason

mutual
partial def writeName (name : Name) (s : Export) : Nat × Export :=
  match name with
  | .anonymous => (0, s)
  | .str parent part => writeNameRow name parent (.str part) s
  | .num parent number => writeNameRow name parent (.num number) s

partial def writeNameRow (name parent : Name) (part : Json) (s : Export) : Nat × Export :=
  match s.names.find? name with
  | some place => (place + 1, s)
  | none =>
    let (above, s) := writeName parent s
    let { names, nameRows, .. } := s
    (names.count + 1, { s with names := names.insert name, nameRows := nameRows.push (.arr #[.num above, part]) })
end

partial def writeNames : List Name → List Json → Export → List Json × Export
  | [], acc, s => (reverseOnto acc [], s)
  | name :: rest, acc, s =>
    let (place, s) := writeName name s
    writeNames rest (.num place :: acc) s

partial def writeLevel (level : Level) (s : Export) : Nat × Export :=
  match level with
  | .zero => (0, s)
  | _ =>
    match s.levels.find? level with
    | some place => (place + 1, s)
    | none =>
      let (cells, s) : Array Json × Export := match level with
        | .zero => (#[], s)
        | .succ below =>
          let (below, s) := writeLevel below s
          (#[.str "succ", .num below], s)
        | .max a b =>
          let (a, s) := writeLevel a s
          let (b, s) := writeLevel b s
          (#[.str "max", .num a, .num b], s)
        | .imax a b =>
          let (a, s) := writeLevel a s
          let (b, s) := writeLevel b s
          (#[.str "imax", .num a, .num b], s)
        | .param name =>
          let (name, s) := writeName name s
          (#[.str "param", .num name], s)
        | .mvar _ => (#[], s.ill "a universe level is not determined")
      let { levels, levelRows, .. } := s
      (levels.count + 1, { s with levels := levels.insert level, levelRows := levelRows.push (.arr cells) })

partial def writeLevels : List Level → Array Json → Export → Array Json × Export
  | [], cells, s => (cells, s)
  | level :: rest, cells, s =>
    let (place, s) := writeLevel level s
    writeLevels rest (cells.push (.num place)) s

def binderCode : BinderInfo → Json
  | .default => .str "d"
  | .implicit => .str "i"
  | .strictImplicit => .str "s"
  | .instImplicit => .str "c"

/-- Give `e` the next place. -/
def Export.emit (s : Export) (e : Expr) (cells : Array Json) : Export :=
  let { exprs, exprRows, .. } := s
  { s with exprs := exprs.insert e, exprRows := exprRows.push (.arr cells) }

/-- An expression without parts. -/
def writeLeaf (e : Expr) (s : Export) : Export :=
  match e with
  | .bvar i => s.emit e #[.str "var", .num i]
  | .const name levels =>
    let (name, s) := writeName name s
    let (cells, s) := writeLevels levels #[.str "const", .num name] s
    s.emit e cells
  | .sort level =>
    let (level, s) := writeLevel level s
    s.emit e #[.str "sort", .num level]
  | .lit (.natVal n) =>
    if n.log2 > numeralLimit then s.tooLarge "a numeral has more than a million bits"
    else s.emit e #[.str "nat", .str (toString n)]
  | .lit (.strVal text) => s.emit e #[.str "str", .str text]
  | .fvar _ => s.ill "a term has a free variable"
  | _ => s.ill "a term has a metavariable"

/-- What is still to be done: an expression to be written, or one whose parts have been. -/
inductive Job where
  | write (e : Expr)
  | finish (e : Expr)

/-- Write expressions, parts first.  `places` are those of what was written and no job has taken yet, newest
first.  The lists are the stack: terms can be deep. -/
partial def writeExprs : List Job → List Nat → Export → List Nat × Export
  | [], places, s => (places, s)
  | .write (.mdata _ e) :: todo, places, s => writeExprs (.write e :: todo) places s
  | .write e :: todo, places, s =>
    match s.exprs.find? e with
    | some place => writeExprs todo (place :: places) s
    | none =>
      match e with
      | .app f a => writeExprs (.write a :: .write f :: .finish e :: todo) places s
      | .lam _ t b _ => writeExprs (.write b :: .write t :: .finish e :: todo) places s
      | .forallE _ t b _ => writeExprs (.write b :: .write t :: .finish e :: todo) places s
      | .letE _ t v b _ => writeExprs (.write b :: .write v :: .write t :: .finish e :: todo) places s
      | .proj _ _ inner => writeExprs (.write inner :: .finish e :: todo) places s
      | _ =>
        let place := s.exprs.count
        let s := writeLeaf e s
        match s.failure? with
        | some _ => ([], s)
        | none => writeExprs todo (place :: places) s
  | .finish e :: todo, places, s =>
    let place := s.exprs.count
    if place ≥ exprLimit then ([], s.tooLarge "the proof term is too large: more than a million parts") else
    match e, places with
    | .app .., f :: a :: rest =>
      writeExprs todo (place :: rest) (s.emit e #[.str "app", .num f, .num a])
    | .lam name _ _ binder, t :: b :: rest =>
      let (name, s) := writeName name s
      writeExprs todo (place :: rest) (s.emit e #[.str "lam", .num name, .num t, .num b, binderCode binder])
    | .forallE name _ _ binder, t :: b :: rest =>
      let (name, s) := writeName name s
      writeExprs todo (place :: rest) (s.emit e #[.str "pi", .num name, .num t, .num b, binderCode binder])
    | .letE name _ _ _ nondep, t :: v :: b :: rest =>
      let (name, s) := writeName name s
      let cells := #[.str "let", .num name, .num t, .num v, .num b, .bool nondep]
      writeExprs todo (place :: rest) (s.emit e cells)
    | .proj name i _, inner :: rest =>
      let (name, s) := writeName name s
      writeExprs todo (place :: rest) (s.emit e #[.str "proj", .num name, .num i, .num inner])
    | _, _ => ([], s.ill "a term has no parts")

def writeExpr (e : Expr) (s : Export) : Json × Export :=
  match writeExprs [.write e] [] s with
  | (place :: _, s) => (.num place, s)
  | ([], s) => (.null, s)

/-! #### Declarations -/

def hintJson : ReducibilityHints → Json
  | .opaque => .str "opaque"
  | .abbrev => .str "abbrev"
  | .regular height => .num height.toNat

def writeDecl (kind : String) (info : ConstantInfo) (more : List (String × Json)) (s : Export) : Export :=
  let (name, s) := writeName info.name s
  let (params, s) := writeNames info.levelParams [] s
  let (type, s) := writeExpr info.type s
  let { declRows, .. } := s
  { s with declRows := declRows.push (.mkObj (
      ("kind", .str kind) :: ("name", .num name) :: ("params", jsonArray params #[]) :: ("type", type) :: more)) }

def writeValued (kind : String) (info : ConstantInfo) (value : Expr) (more : List (String × Json)) (s : Export) :
    Export :=
  let (value, s) := writeExpr value s
  writeDecl kind info (("value", value) :: more) s

partial def writeCtors (env : Environment) : List Name → List Json → Export → List Json × Export
  | [], acc, s => (reverseOnto acc [], s)
  | ctor :: rest, acc, s =>
    match env.find? ctor with
    | some info =>
      let (name, s) := writeName ctor s
      let (type, s) := writeExpr info.type s
      writeCtors env rest (.arr #[.num name, type] :: acc) s
    | none => (acc, s.ill ("there is no constructor " ++ ctor.toString))

partial def writeTypes (env : Environment) : List Name → List Json → Export → List Json × Export
  | [], acc, s => (reverseOnto acc [], s)
  | name :: rest, acc, s =>
    match env.find? name with
    | some (.inductInfo v) =>
      let (place, s) := writeName name s
      let (type, s) := writeExpr v.type s
      let (ctors, s) := writeCtors env v.ctors [] s
      writeTypes env rest (.mkObj [("name", .num place), ("type", type), ("ctors", jsonArray ctors #[])] :: acc) s
    | _ => (acc, s.ill ("there is no inductive type " ++ name.toString))

/-- Write one declaration; the types of a mutual block are one. -/
def writeConstant (env : Environment) (info : ConstantInfo) (s : Export) : Export :=
  match info with
  | .thmInfo v => writeValued "theorem" info v.value [] s
  | .defnInfo v => writeValued "def" info v.value [("hints", hintJson v.hints)] s
  | .opaqueInfo v => writeValued "opaque" info v.value [] s
  | .axiomInfo _ => writeDecl "axiom" info [] s
  | .inductInfo v =>
    let (types, s) := writeTypes env v.all [] s
    let (params, s) := writeNames v.levelParams [] s
    let { declRows, .. } := s
    { s with declRows := declRows.push (.mkObj [
        ("kind", .str "inductive"), ("params", jsonArray params #[]), ("arity", .num v.numParams),
        ("types", jsonArray types #[])]) }
  | .quotInfo _ => { s with declRows := s.declRows.push (.mkObj [("kind", .str "quotient")]) }
  | .ctorInfo _ => s
  | .recInfo _ => s

/-- The declaration that a constant is part of, as the name it is written under. -/
def ownerOf (info : ConstantInfo) : Name :=
  let first : List Name → Name
    | name :: _ => name
    | [] => info.name
  match info with
  | .inductInfo v => first v.all
  | .ctorInfo v => v.induct
  | .recInfo v => first v.all
  | _ => info.name

/-- The types of an inductive type, its whole mutual block and their constructors. -/
partial def blockExprs (env : Environment) : List Name → List Expr → List Expr
  | [], acc => acc
  | name :: rest, acc =>
    match env.find? name with
    | some (.inductInfo v) => blockExprs env (appendList v.ctors rest) (v.type :: acc)
    | some info => blockExprs env rest (info.type :: acc)
    | none => blockExprs env rest acc

def exprsOf (env : Environment) : ConstantInfo → List Expr
  | .inductInfo v => blockExprs env v.all []
  | info => partsOf info

/-- What is left to do: look at a name, or write a declaration whose parts are done. -/
inductive Step where
  | visit (name : Name)
  | write (info : ConstantInfo)

def visitAll : List Name → List Step → List Step
  | [], steps => steps
  | name :: rest, steps => .visit name :: visitAll rest steps

/-- Write the declarations that `base` lacks, each after those it uses. -/
partial def writeSteps (base env : Environment) : List Step → NameSet → Export → Export
  | [], _, s => s
  | .write info :: todo, seen, s => writeSteps base env todo seen (writeConstant env info s)
  | .visit name :: todo, seen, s =>
    if seen.contains name || base.contains name then writeSteps base env todo seen s
    else
      let seen := seen.insert name
      match env.find? name with
      | none => s.ill ("there is no declaration " ++ name.toString)
      | some info =>
        let owner := ownerOf info
        if owner != name then writeSteps base env (.visit owner :: todo) seen s
        else writeSteps base env (visitAll (usedBy (exprsOf env info) []) (.write info :: todo)) seen s

def exportFields (s : Export) : List (String × Json) :=
  [("names", .arr s.nameRows), ("levels", .arr s.levelRows), ("exprs", .arr s.exprRows)]

/-- `target` of `env`, and all it uses that `base` lacks. -/
def exportJson (base env : Environment) (target : Name) : Except Refusal Json :=
  let s := writeSteps base env [.visit target] {} {}
  match s.failure? with
  | some refusal => .error refusal
  | none => .ok (.mkObj (("decls", .arr s.declRows) :: exportFields s))

/-- One expression, with the number of its place as `root`. -/
def exprJson (e : Expr) : Json :=
  let (root, s) := writeExpr e {}
  .mkObj (("root", root) :: exportFields s)
