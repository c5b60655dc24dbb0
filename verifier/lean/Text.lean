/-! ### What Lean says of a text that is compared with nothing -/

/-- A `sorry` that was written: as a tactic with its goals, or as a term with what is to stand in its place. -/
inductive Gap where
  | tactic (context : ContextInfo) (info : TacticInfo)
  | term (context : ContextInfo) (info : TermInfo)

mutual
partial def gapsOnto (tree : InfoTree) (context? : Option ContextInfo) (acc : List Gap) : List Gap :=
  match tree with
  | .context c t => gapsOnto t (c.mergeIntoOuter? context?) acc
  | .hole _ => acc
  | .node info children =>
    let acc := gapsInOnto (treesOf children) context? acc
    match info, context? with
    | .ofTacticInfo tactic, some context =>
      if tactic.stx.getKind == `Lean.Parser.Tactic.tacticSorry then .tactic context tactic :: acc else acc
    | .ofTermInfo term, some context =>
      if term.stx.getKind == `Lean.Parser.Term.sorry then .term context term :: acc else acc
    | _, _ => acc

partial def gapsInOnto (trees : List InfoTree) (context? : Option ContextInfo) (acc : List Gap) : List Gap :=
  match trees with
  | [] => acc
  | t :: rest => gapsOnto t context? (gapsInOnto rest context? acc)
end

def allGaps : List InfoTree → List Gap
  | [] => []
  | t :: rest => gapsOnto t none (allGaps rest)

def firstOf : List MVarId → List MVarId
  | [] => []
  | goal :: _ => [goal]

/-- What a `sorry` is a term of; Lean may have given it a tag, which tells where it stands. -/
def sorryType : Expr → Option Expr
  | .mdata _ e => sorryType e
  | .app (.app (.app (.const _ _) (.forallE _ _ type _)) _) _ => some type
  | .app (.app (.const _ _) type) _ => some type
  | _ => none

/-- What a term is to prove or to give, as the goal of a tactic in its place reads. -/
def termGoal (context : ContextInfo) (term : TermInfo) : IO String := do
  let known := match term.expectedType? with
    | some type => some type
    | none => sorryType term.expr
  match known with
  | none => return ""
  | some type =>
    let goal : MVarId := { name := `proofmill_gap }
    goalText context (context.mctx.addExprMVarDecl goal .anonymous term.lctx #[] type) [goal]

/-- The first gaps, until their texts have `bytes`, in no order; spans are byte offsets. -/
def gapJson : List Gap → (bytes : Nat) → List Json → IO (List Json)
  | [], _, acc => return acc
  | gap :: rest, bytes, acc => do
    if bytes == 0 then return acc
    let (stx, isTactic, goal) ← match gap with
      | .tactic context info =>
        pure (info.stx, true, ← goalText context info.mctxBefore (firstOf info.goalsBefore))
      | .term context info => pure (info.stx, false, ← termGoal context info)
    gapJson rest (bytes - goal.utf8ByteSize - 1) (Json.mkObj [
      ("start", startJson stx), ("stop", stopJson stx),
      ("is_tactic", .bool isTactic), ("goal", .str goal)] :: acc)

/-! #### Axioms, where theorems look like them

`#print axioms` follows proofs, and calls what has none an axiom.  Where a library comes without its proofs, that is
every theorem of it.  Nobody can say there on which axioms such a theorem rests; but all of Lean's own library rests
on no others than Lean's three.  So these are said in the place of its theorems. -/

def concatTexts : List String → String
  | [] => ""
  | t :: rest => t ++ concatTexts rest

def withoutSpaces (text : String) : String :=
  concatTexts ((concatTexts (text.splitOn "\n")).splitOn " ")

def nameOfParts : List String → Name → Name
  | [], name => name
  | part :: rest, name =>
    let bare := concatTexts ((concatTexts (part.splitOn "«")).splitOn "»")
    nameOfParts rest (if part.isNat then .num name part.toNat! else .str name bare)

def isLibraryTheorem (imports : Environment) (shown : String) : Bool :=
  let name := nameOfParts (shown.splitOn ".") .anonymous
  imports.contains name && !isKnownAxiom name

/-- Those that are axioms, and whether there were theorems among them. -/
def axiomsAmong (imports : Environment) : List String → List String × Bool
  | [] => ([], false)
  | shown :: rest =>
    let (axioms, others) := axiomsAmong imports rest
    if isLibraryTheorem imports shown then (axioms, true) else (shown :: axioms, others)

def withoutTexts (gone : List String) : List String → List String
  | [] => []
  | t :: rest => if hasText t gone then withoutTexts gone rest else t :: withoutTexts gone rest

def commaBetween : List String → String
  | [] => ""
  | [t] => t
  | t :: rest => t ++ ", " ++ commaBetween rest

def leansThree : List String := ["propext", "Classical.choice", "Quot.sound"]

/-- What `#print axioms` says, without theorems of the library: as much of it as Lean would say with all proofs. -/
def withoutLibraryTheorems (imports : Environment) (text : String) : String :=
  match text.splitOn " depends on axioms: [" with
  | [before, list] =>
    match list.splitOn "]" with
    | shown :: _ =>
      let (axioms, others) := axiomsAmong imports ((withoutSpaces shown).splitOn ",")
      if others then
        before ++ " depends on axioms: [" ++
          commaBetween (appendList leansThree (withoutTexts leansThree axioms)) ++ "]\n" ++
          "Note: this Lean has its library without proofs, and takes Lean's three axioms for what a theorem there " ++
          "rests on: it may be fewer."
      else text
    | [] => text
  | _ => text

/-- Messages as real Lean would say them, where the library in `imports` is without proofs. -/
def asWithProofs (imports : Environment) : List Message → IO (List Message)
  | [] => return []
  | m :: rest => do
    let rest ← asWithProofs imports rest
    if isError m then return m :: rest
    let text ← m.data.toString
    let mended := withoutLibraryTheorems imports text
    return (if mended == text then m else { m with data := .ofFormat mended }) :: rest
