/-
The Lean side of the verifier: a loop that reads one JSON request a line and writes one JSON reply a line.
`verifier/judging/protocol.py` is its other half, and `verifier/lean/source.py` puts this file behind the parts that
it needs.

    lean --run WORKER.lean              elaborates candidates: the screener
    lean --run WORKER.lean audit        checks what they left behind: the auditor

Requests, each with an `id` that the reply repeats:

    {"op": "header", "name", "text", "forget", "kept"}
                                                  read imports, opens, definitions once and keep them as `name`, in
                                                  place of the header `forget`; not if that would be more than `kept`
                                                  lists of imports
    {"op": "check", "header", "statement", "source", "file", "heartbeats", "tactics", "goals", "kernel", "export"}
    {"op": "statement", "header", "statement"}
    {"op": "imports", "source"}
    {"op": "text", "header", "source", "heartbeats", "tactics"}
    {"op": "tactics", "header", "statement", "path", "goal", "tactics", "heartbeats"}
    {"op": "audit", "header", "statement", "export"}

`check` elaborates `statement := sorry` for its name and type (the reference, which must be one declaration and
nothing else) after the header, then `source`, after the header or, if that is a `file` which brings the header along,
after the header's imports.  It reports what Lean said, what the declaration of that name is and, when asked, the
declaration with all that it rests on, the export.  `statement` reads a statement alone, for its type and the goal of
its proof.  `text` reads a file for what Lean says of it, and compares it with nothing; the header has to bring the
file's imports, which `imports` tells.  `tactics` tries each of some tactics on a goal of the state that `path` leads
to, a list of steps `{"goal", "tactic"}` from the start of the proof.  `audit` has the kernel check an export in a
process where no candidate was elaborated, and say whether it proves the reference.  No request decides:
`verifier/judging/rules.py` does.
-/

/-! ### Requests -/

/-! #### The screen: a process that elaborates candidates -/

def refusalFields (refusal : Refusal) : List (String × Json) :=
  [("refused", .str refusal.status), ("reason", .str (cut refusal.reason))]

/-- A text to be judged, and the state in which it is read: a file that brings all that the header says is read
after the header's imports, and any other text after the header.  `base` is what it is not to declare again. -/
structure Opened where
  text : Text
  state : Command.State
  base : Environment

def spacesOf : List Command.Scope → List Name
  | [] => []
  | scope :: rest => scope.currNamespace :: spacesOf rest

/-- Open a submitted file; its commands begin behind its imports, which bring nothing, as the environment is there
already, but may name what is in it.  The error is what to tell of it. -/
def openFile (header : Header) (source : String) : IO (Except (List Json) Opened) := do
  let file ← parseFileHeader source
  match firstError file.messages, missingImport header.imports.header.moduleNames file.imports with
  | some _, _ => return .error (← messageJson file.messages messageLimit messageLimit [])
  | none, some module => return .error [Json.mkObj [("severity", .str "error"), ("line", .num 1), ("column", .num 0),
      ("text", .str ("`" ++ module.toString ++ "` is not among what the header imports: add it to the header"))]]
  | none, none =>
    let text : Text := { input := inputContext source, start := file.start }
    match header.landmarks with
    | [] => return .ok { text, state := header.state, base := header.state.env }
    | landmarks =>
      let context := parserContext header.state
      let spaces := spacesOf header.state.scopes
      let isRepeat := repeats header.imports header.state.env landmarks (currentNamespace header.state)
      if hasRepeated text.input context isRepeat spaces file.start ||
          hasLandmarks text.input context landmarks file.start then
        return .ok { text, state := header.preamble, base := header.imports }
      else return .ok { text, state := header.state, base := header.state.env }

/-- What goes to the audit, if the declaration is there and Lean reported no error. -/
def exportFor (base : Environment) (reference : Reference) (result : Elaborated) : List (String × Json) :=
  match firstError result.messages, result.env.find? reference.name with
  | none, some _ =>
    match exportJson base result.env reference.name with
    | .ok json => [("export", json)]
    | .error refusal => refusalFields refusal
  | _, _ => []

/-- The budget of a candidate's declarations: what its header sets with `maxHeartbeats`, or what Lean takes where it
sets nothing, or what was `asked` for; of a number in the header and one that was asked for, the smaller.  0 is no
bound in a header, and no number in a request. -/
def budgetUnder (header : Header) (asked : Nat) : Nat :=
  match header.heartbeats? with
  | some 0 => asked
  | some number => if asked == 0 || number < asked then number else asked
  | none => if asked == 0 then usualHeartbeats else asked

def heartbeatFields (header : Header) (budget : Nat) : List (String × Json) :=
  let written : Json := match header.heartbeats? with
    | some number => .num number
    | none => .null
  [("heartbeat_limit", .num budget), ("header_heartbeats", written)]

def judgeOpened (header : Header) (reference : Reference) (request : Json) (opened : Opened) :
    IO (List (String × Json)) := do
  let wantTactics := boolField request "tactics"
  let { text, state, base } := opened
  let budget := budgetUnder header (natField request "heartbeats")
  let state := forCandidate state budget (boolField request "kernel")
  let result ← elaborate state text wantTactics
  let messages ← messageJson result.messages messageLimit messageLimit []
  let declaration := match result.env.find? reference.name with
    | none => Json.null
    | some info => Json.mkObj (standing header reference result.env info reference.name)
  let tactics ← if wantTactics then do
      let wantGoals := boolField request "goals"
      pure (jsonArray (← tacticJson wantGoals (allTactics result.infoTrees []) tacticsLimit []) #[])
    else pure .null
  let exported := if boolField request "export" then exportFor base reference result else []
  return ("messages", jsonArray messages #[]) :: ("declaration", declaration) :: ("tactics", tactics) ::
    ("heartbeats", .num result.heartbeats) :: appendList (heartbeatFields header budget) exported

def checkReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  match ← referenceFor memory request with
  | (memory, .error fields) => return (memory, fields)
  | (memory, .ok (header, reference)) =>
    let source := textField request "source"
    let opened ← if boolField request "file" then openFile header source
      else pure (.ok { text := textOf source, state := header.state, base := header.state.env })
    let fields ← match opened with
      | .error messages => pure [("messages", jsonArray messages #[])]
      | .ok opened => judgeOpened header reference request opened
    return (memory, ("name", .str reference.name.toString) :: fields)

def firstGoal : List (ContextInfo × TacticInfo) → IO String
  | [] => return ""
  | (context, tactic) :: _ => goalText context tactic.mctxBefore tactic.goalsBefore

def statementReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  match ← referenceFor memory request with
  | (memory, .error fields) => return (memory, fields)
  | (memory, .ok (header, reference)) =>
    let result ← elaborate header.state (textOf (reference.statement ++ "\n  := by sorry")) true
    return (memory, [("name", .str reference.name.toString), ("kind", .str (kindName reference.info)),
      ("type", .str (← typeText header.state reference.env false reference.info.type)),
      ("goal", .str (← firstGoal (allTactics result.infoTrees [])))])

/-- What a file imports, as the text of a header that brings it. -/
def importsReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  let file ← parseFileHeader (textField request "source")
  return (memory, [("header", .str (plainHeader file))])

def textReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  match findHeader (textField request "header") memory.headers with
  | none => return (memory, [("error", .str "no such header")])
  | some header =>
    let state := forCandidate header.state (budgetUnder header (natField request "heartbeats")) true
    let source := textField request "source"
    let file ← parseFileHeader source
    let result ← match firstError file.messages with
      | some _ => pure { env := state.env, commands := #[], messages := [], infoTrees := [], heartbeats := 0 }
      | none => elaborate state { input := inputContext source, start := file.start } true
    let said := appendList file.messages result.messages
    let said ← if theoremsLookLikeAxioms header.imports then asWithProofs header.imports said else pure said
    let tactics := if boolField request "tactics" then allTactics result.infoTrees [] else []
    return (memory, [("messages", jsonArray (← messageJson said messageLimit messageLimit []) #[]),
      ("tactics", jsonArray (← tacticJson true tactics tacticsLimit []) #[]),
      ("sorries", jsonArray (← gapJson (allGaps result.infoTrees) tacticsLimit []) #[]),
      ("heartbeats", .num result.heartbeats)])

/-- The state that a path leads to, from the last one on the way that is in memory; or what Lean says of the first step
that cannot be made. -/
def walkTo (reference : Reference) (budget : Nat) (key : String) (place : Place)
    (places : List (String × Place)) : List TacticStep → IO (List (String × Place) × Except String Place)
  | [] => return (places, .ok place)
  | step :: rest => do
    let key := keyOf key [step]
    match findPlace key places with
    | some place => walkTo reference budget key place (keepPlace key place places) rest
    | none =>
      match (← tryStep reference.name place step budget).result with
      | .error e => return (places, .error e)
      | .ok place => walkTo reference budget key place (keepPlace key place places) rest

/-- Try tactics on one goal of one state. -/
def tryEach (name : Name) (key : String) (place : Place) (goal budget : Nat) (places : List (String × Place)) :
    List Json → List Json → IO (List (String × Place) × List Json)
  | [], acc => return (places, reverseOnto acc [])
  | .str tactic :: rest, acc => do
    let step : TacticStep := { goal, tactic }
    let stepped ← tryStep name place step budget
    let heartbeats := ("heartbeats", Json.num stepped.heartbeats)
    match stepped.result with
    | .error e => tryEach name key place goal budget places rest (Json.mkObj [("error", .str e), heartbeats] :: acc)
    | .ok after =>
      let goals := ("goals", jsonArray (← goalsJson after after.goals) #[])
      tryEach name key place goal budget (keepPlace (keyOf key [step]) after places) rest
        (Json.mkObj [goals, heartbeats] :: acc)
  | _ :: rest, acc => tryEach name key place goal budget places rest acc

def tacticsReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  match ← referenceFor memory request with
  | (memory, .error fields) => return (memory, fields)
  | (memory, .ok (header, reference)) =>
    let budget := budgetUnder header (natField request "heartbeats")
    let key := keyOf (header.name ++ "\n" ++ reference.statement) []
    let first ← match findPlace key memory.places with
      | some place => pure (.ok place)
      | none => firstPlace header reference
    match first with
    | .error e => return (memory, [("error", .str e)])
    | .ok first =>
      let path := stepsFrom (listField request "path")
      match ← walkTo reference budget key first (keepPlace key first memory.places) path with
      | (places, .error e) => return ({ memory with places }, [("path_error", .str e)])
      | (places, .ok place) =>
        let goals ← goalsJson place place.goals
        let (places, results) ← tryEach reference.name (keyOf key path) place (natField request "goal") budget places
          (listField request "tactics") []
        return ({ memory with places }, [("name", .str reference.name.toString), ("goals", jsonArray goals #[]),
          ("results", jsonArray results #[])])

/-! #### The audit: a process that never does -/

/-- What the auditor found of the candidate's declaration, for `verifier/judging/rules.py` to judge. -/
def replayedFields (header : Header) (reference : Reference) (replayed : Replayed) : IO (List (String × Json)) := do
  match replayed with
  | { candidate? := none, .. } => return [("declaration", .null)]
  | { env, candidate? := some info, conclusion? } =>
    let about (env : Environment) (name : Name) (more : List (String × Json)) : List (String × Json) :=
      [("declaration", Json.mkObj (appendList more (standing header reference env info name)))]
    match conclusion? with
    | some (.proves env) => return about env conclusionName [("same_type", .bool true)]
    | some (.undecided why) => return [("undecided", .bool true), ("refused", .str "resource_exhausted"),
        ("reason", .str ("whether it is the statement the kernel cannot say: " ++ why))]
    | some .differs =>
      return about env info.name (("same_type", .bool false) :: (← mismatchFields header reference env info.type))
    | none => return about env info.name [("same_type", .bool false)]

def auditReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  match ← referenceFor memory request with
  | (memory, .error fields) => return (memory, fields)
  | (memory, .ok (header, reference)) =>
    let name := ("name", .str reference.name.toString)
    match ← replay reference (field request "export") with
    | .error refusal =>
      return (memory, name :: refusalFields refusal)
    | .ok replayed =>
      return (memory, name :: ("type", exprJson reference.info.type) :: (← replayedFields header reference replayed))

/-- What a process is for is decided when it starts: an auditor has no way to elaborate a candidate. -/
inductive Role where
  | screen
  | audit

def reply (role : Role) (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  try
    match role, textField request "op" with
    | _, "header" => headerReply memory request
    | .screen, "check" => checkReply memory request
    | .screen, "statement" => statementReply memory request
    | .screen, "imports" => importsReply memory request
    | .screen, "text" => textReply memory request
    | .screen, "tactics" => tacticsReply memory request
    | .audit, "audit" => auditReply memory request
    | _, op => return (memory, [("error", .str ("no such op: " ++ op))])
  catch e => return (memory, [("error", .str (cut e.toString))])

/-- A reply begins on a line of its own, whatever a candidate printed before it. -/
def send (output : IO.FS.Stream) (fields : List (String × Json)) : IO Unit := do
  output.putStr ("\n" ++ (Json.mkObj fields).compress ++ "\n")
  output.flush

partial def serve (role : Role) (memory : Memory) (input output : IO.FS.Stream) : IO Unit := do
  let line ← input.getLine
  if line.isEmpty then return ()
  let (memory, fields) ← match Json.parse line with
    | .error e => pure (memory, [("error", .str e)])
    | .ok request => do
      let started ← IO.monoMsNow
      let (memory, fields) ← reply role memory request
      let ended ← IO.monoMsNow
      pure (memory, ("id", .str (textField request "id")) :: ("ms", .num (ended - started)) :: fields)
  send output fields
  serve role memory input output

def runWorker (arguments : List String) : IO Unit := do
  let role := match arguments with
    | ["audit"] => Role.audit
    | _ => Role.screen
  let output ← IO.getStdout
  send output [("ready", .bool true), ("lean", .str Lean.versionString)]
  serve role {} (← IO.getStdin) output
