/-! ### Tactic states

A proof that is tried tactic by tactic.  A state is named by its path, which is the theorem and the steps so far, so
every process can come to it; one that was there has it in memory.  What closes all goals here is text to be judged:
nothing in this file decides. -/

/-- Where a proof is: what elaborating its steps has made so far, and the goals that are left. -/
structure Place where
  context : ContextInfo
  levels : List Name
  goals : List MVarId

/-- A tactic, and the number of the goal that it is tried on. -/
structure TacticStep where
  goal : Nat
  tactic : String

/-- States kept, those that were used last. -/
def placesKept : Nat := 64

def stepOf (json : Json) : TacticStep := { goal := natField json "goal", tactic := textField json "tactic" }

def stepsFrom : List Json → List TacticStep
  | [] => []
  | json :: rest => stepOf json :: stepsFrom rest

def listField (request : Json) (name : String) : List Json :=
  match field request name with
  | .arr items => reverseOnto (arrayOnto items 0 []) []
  | _ => []

/-- A key that no other path has: lengths stand before texts. -/
def keyOf (theoremKey : String) : List TacticStep → String
  | [] => theoremKey
  | step :: rest =>
    keyOf (theoremKey ++ "\n" ++ toString step.goal ++ " " ++ toString step.tactic.utf8ByteSize ++ " " ++ step.tactic) rest

def findPlace (key : String) : List (String × Place) → Option Place
  | [] => none
  | (k, place) :: rest => if k == key then some place else findPlace key rest

def withoutPlace (key : String) : List (String × Place) → List (String × Place)
  | [] => []
  | (k, place) :: rest => if k == key then rest else (k, place) :: withoutPlace key rest

def withoutPlacesUnder (header : String) : List (String × Place) → List (String × Place)
  | [] => []
  | (k, place) :: rest =>
    if header.isPrefixOf k then withoutPlacesUnder header rest else (k, place) :: withoutPlacesUnder header rest

/-- Keep a state as the one that was used last. -/
def keepPlace (key : String) (place : Place) (places : List (String × Place)) : List (String × Place) :=
  takeFirst placesKept ((key, place) :: withoutPlace key places)

def goalAt : Nat → List MVarId → Option MVarId
  | _, [] => none
  | 0, goal :: _ => some goal
  | n + 1, _ :: rest => goalAt n rest

/-! #### The goals of a state -/

def hypothesisExprs : List (Option LocalDecl) → List Expr → List Expr
  | [], acc => acc
  | none :: rest, acc => hypothesisExprs rest acc
  | some (.cdecl _ _ _ type _ _) :: rest, acc => hypothesisExprs rest (type :: acc)
  | some (.ldecl _ _ _ type value _ _) :: rest, acc => hypothesisExprs rest (type :: value :: acc)

mutual
partial def declNodeOnto : PersistentArrayNode (Option LocalDecl) → List (Option LocalDecl) → List (Option LocalDecl)
  | .leaf decls, acc => arrayOnto decls 0 acc
  | .node nodes, acc => declNodesOnto nodes 0 acc

partial def declNodesOnto (nodes : Array (PersistentArrayNode (Option LocalDecl))) (i : Nat)
    (acc : List (Option LocalDecl)) : List (Option LocalDecl) :=
  if h : i < nodes.size then declNodesOnto nodes (i + 1) (declNodeOnto nodes[i] acc) else acc
end

def declsOf (lctx : LocalContext) : List (Option LocalDecl) :=
  arrayOnto lctx.decls.tail 0 (declNodeOnto lctx.decls.root [])

def mvarsIn (mctx : MetavarContext) : List Expr → CollectMVars.State → CollectMVars.State
  | [], found => found
  | e :: rest, found => mvarsIn mctx rest ((instantiateMVarsCore mctx e).1.collectMVars found)

/-- Metavariables, and those that stand behind one whose assignment waits for another. -/
partial def followDelayed (mctx : MetavarContext) : List MVarId → List Name → List Name
  | [], acc => acc
  | mvar :: rest, acc =>
    if memberName mvar.name acc then followDelayed mctx rest acc
    else match mctx.getDelayedMVarAssignmentCore? mvar with
      | none => followDelayed mctx rest (mvar.name :: acc)
      | some delayed =>
        let behind := arrayOnto (mvarsIn mctx [.mvar delayed.mvarIdPending] {}).result 0 []
        followDelayed mctx (appendList behind rest) (mvar.name :: acc)

/-- The metavariables that a goal rests on, itself first. -/
def restsOn (mctx : MetavarContext) (goal : MVarId) : List Name :=
  match mctx.findDecl? goal with
  | none => [goal.name]
  | some decl =>
    let found := mvarsIn mctx (decl.type :: hypothesisExprs (declsOf decl.lctx) []) {}
    goal.name :: followDelayed mctx (arrayOnto found.result 0 []) []

def fvarsOf : List (Option LocalDecl) → Array Expr → Array Expr
  | [], acc => acc
  | some (.cdecl _ _ _ _ _ .auxDecl) :: rest, acc => fvarsOf rest acc
  | some decl :: rest, acc => fvarsOf rest (acc.push decl.toExpr)
  | none :: rest, acc => fvarsOf rest acc

/-- What tells apart goals that are printed alike, such as `1 + 1 = 2` of two types. -/
def goalHash (mctx : MetavarContext) (goal : MVarId) : String :=
  match mctx.findDecl? goal with
  | none => ""
  | some decl =>
    let closed := decl.lctx.mkForall (fvarsOf (declsOf decl.lctx) #[]) (instantiateMVarsCore mctx decl.type).1
    toString (instantiateMVarsCore mctx closed).1.hash

def nameTexts : List Name → List Json
  | [] => []
  | name :: rest => .str name.toString :: nameTexts rest

def goalsJson (place : Place) : List MVarId → IO (List Json)
  | [] => return []
  | goal :: rest => do
    let text ← goalText place.context place.context.mctx [goal]
    let about := Json.mkObj [("text", .str text),
      ("rests_on", jsonArray (nameTexts (restsOn place.context.mctx goal)) #[]),
      ("hash", .str (goalHash place.context.mctx goal))]
    return about :: (← goalsJson place rest)

/-! #### Steps -/

/-- What Lean said of a step: the state after it, or why there is none; and what it took, in thousands of small
allocations. -/
structure Stepped where
  result : Except String Place
  heartbeats : Nat

/-- A proof in progress has itself as a hypothesis, for recursion; a step that closes a goal with that would only
move it.  The termination check comes with the whole text alone. -/
def usesItself (decls : List (Option LocalDecl)) (value : Expr) : Bool :=
  match decls with
  | [] => false
  | some (.cdecl _ fvar _ _ _ .auxDecl) :: rest => value.containsFVar fvar || usesItself rest value
  | _ :: rest => usesItself rest value

def isAssigned (mctx : MetavarContext) (goal : MVarId) : Bool :=
  mctx.eAssignment.contains goal || mctx.dAssignment.contains goal

def unassigned (mctx : MetavarContext) : List MVarId → List MVarId
  | [] => []
  | goal :: rest => if isAssigned mctx goal then unassigned mctx rest else goal :: unassigned mctx rest

/-- Put what a step left in the place of its goal. -/
def replaceGoal : Nat → List MVarId → List MVarId → List MVarId
  | _, new, [] => new
  | 0, new, _ :: rest => appendList new rest
  | n + 1, new, goal :: rest => goal :: replaceGoal n new rest

/-- What is wrong with a step that raised no error. -/
def faultOf (name : Name) (mctx : MetavarContext) (goal : MVarId) (said : List Message) : IO (Option String) := do
  match firstError said with
  | some m => return some (cut (← m.data.toString))
  | none =>
    -- A tactic that was aborted leaves no goals either.
    if !isAssigned mctx goal then return some "it does not come to an end"
    let value := (instantiateMVarsCore mctx (.mvar goal)).1
    if value.hasSorry then return some "it leaves a `sorry`"
    match mctx.findDecl? goal with
    | some decl =>
      if usesItself (declsOf decl.lctx) value || memberName name (usedBy [value] []) then
        return some "it uses the theorem that is to be proved"
      else return none
    | none => return none

/-- Goals that a state may have: what has more is printed for minutes, and proved by nobody. -/
def goalsLimit : Nat := 64

/-- How deep elaboration may go: what the header sets, or Lean's own bound. -/
def recursionLimit (opts : Options) : Nat :=
  match numberSet? opts `maxRecDepth with
  | some number => number
  | none => 512

/-- Try a step, with a budget in thousands of small allocations. -/
def stepHere (name : Name) (place : Place) (number : Nat) (goal : MVarId) (stx : Syntax) (budget : Nat) :
    IO Stepped := do
  let before ← IO.getNumHeartbeats
  let info := place.context
  let coreContext : Core.Context := {
    fileName := "<tactic>", fileMap := info.fileMap, options := setNumber info.options `maxHeartbeats budget
    currNamespace := info.currNamespace, openDecls := info.openDecls
    maxRecDepth := recursionLimit info.options, maxHeartbeats := budget * 1000, initHeartbeats := before }
  let core ← IO.mkRef ({ env := info.env, ngen := info.ngen } : Core.State)
  let metaState ← IO.mkRef ({ mctx := info.mctx } : Meta.State)
  -- Errors that Lean recovers from are among the messages.
  let ran ← EIO.toIO' (runTactic goal stx { declName? := some name, errToSorry := false }
    { levelNames := place.levels } {} metaState coreContext core)
  let after ← IO.getNumHeartbeats
  let heartbeats := (after - before) / 1000
  match ran with
  | .error e => return { result := .error (cut (← e.toMessageData.toString)), heartbeats }
  | .ok (new, _) =>
    let { env, ngen, messages, .. } ← core.get
    let { mctx, .. } ← metaState.get
    match ← faultOf name mctx goal messages.toList with
    | some fault => return { result := .error fault, heartbeats }
    | none =>
      let goals := unassigned mctx (replaceGoal number new place.goals)
      if goalsLimit < countOf goals then
        return { result := .error ("it leaves more than " ++ toString goalsLimit ++ " goals"), heartbeats }
      return { result := .ok { place with context := { info with env, ngen, mctx }, goals }, heartbeats }

/-- The same, in a task of its own: see `elaborate`. -/
def tryStep (name : Name) (place : Place) (step : TacticStep) (budget : Nat) : IO Stepped := do
  match goalAt step.goal place.goals with
  | none => return { result := .error ("there is no goal " ++ toString step.goal), heartbeats := 0 }
  | some goal =>
    match Parser.runParserCategory place.context.env `tactic step.tactic "<tactic>" with
    | .error e => return { result := .error (cut e), heartbeats := 0 }
    | .ok stx =>
      let task ← IO.asTask (stepHere name place step.goal goal stx budget)
      match ← IO.wait task with
      | .ok stepped => return stepped
      | .error e => throw e

def knowsAll (env : Environment) : List Name → Bool
  | [] => true
  | name :: rest => env.contains name && knowsAll env rest

/-- Where every proof of a theorem begins.  The environment of the state is that of the whole command, with the theorem
in it, which `exact?` would find; that of the header does, unless the statement made something that it needs. -/
def firstPlace (header : Header) (reference : Reference) : IO (Except String Place) := do
  let result ← elaborate header.state (textOf (reference.statement ++ "\n  := by sorry")) true
  match allTactics result.infoTrees [] with
  | [] => return .error "the statement has no goal"
  | (context, tactic) :: _ =>
    let before := header.state.env
    let env := if knowsAll before (usedBy [reference.info.type] []) then before else context.env
    return .ok { context := { context with env, mctx := tactic.mctxBefore }, levels := reference.info.levelParams,
                 goals := tactic.goalsBefore }
