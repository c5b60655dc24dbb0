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
    {"op": "audit", "header", "statement", "export"}

`check` elaborates `statement := sorry` for its name and type (the reference, which must be one declaration and
nothing else) after the header, then `source`, after the header or, if that is a `file` which brings the header along,
after the header's imports.  It reports what Lean said, what the declaration of that name is and, when asked, the
declaration with all that it rests on, the export.  `statement` reads a statement alone, for its type and the goal of
its proof.  `text` reads a file for what Lean says of it, and compares it with nothing; the header has to bring the
file's imports, which `imports` tells.  `audit` has the kernel check an export in a process where no candidate was
elaborated, and say whether it proves the reference.  No request decides: `verifier/judging/rules.py` does.
-/

/-! ### Requests -/

/-- References kept: attempts at a theorem come in groups, and several groups are on their way at a time. -/
def referencesKept : Nat := 16

/-- What a process keeps between requests, newest first.  Headers go when the other side says so; what was
imported stays in memory in any case, so each list of imports is read once. -/
structure Memory where
  imports : List (List Name × Environment) := []
  headers : List Header := []
  references : List Reference := []

def findHeader (name : String) : List Header → Option Header
  | [] => none
  | h :: rest => if h.name == name then some h else findHeader name rest

def beginsWith : (names start : List Name) → Bool
  | _, [] => true
  | name :: names, first :: start => name == first && beginsWith names start
  | [], _ :: _ => false

/-- The first of some modules that is not among those that are there. -/
def missingImport (modules : Array Name) : List Name → Option Name
  | [] => none
  | module :: rest => if arrayHas modules module 0 then missingImport modules rest else some module

/-- What was imported as just these modules would be: as the first of them, which bring the others along.  Not as some
others of them, which would come in another order, and with that some notations and instances. -/
def findImports (wanted : List Name) : List (List Name × Environment) → Option Environment
  | [] => none
  | (read, env) :: rest =>
    match beginsWith wanted read, missingImport env.header.moduleNames wanted with
    | true, none => some env
    | _, _ => findImports wanted rest

/-- Whether it is what every header imports, `Init`: that takes little memory. -/
def isLittle : List Name → Bool
  | [] => true
  | name :: rest => name == `Init && isLittle rest

/-- Lean says where it looked for a module only when it has read those before it, which is never undone. -/
def checkThatFilesExist : List Name → IO Unit
  | [] => return ()
  | module :: rest => do
    let file ← findOLean module
    unless ← file.pathExists do
      throw (IO.userError ("object file '" ++ file.toString ++ "' of module " ++ module.toString ++ " does not exist"))
    checkThatFilesExist rest

def countImports : List (List Name × Environment) → Nat
  | [] => 0
  | (read, _) :: rest => if isLittle read then countImports rest else countImports rest + 1

/-- Whoever reads all of a module need not say which part of it to import. -/
def importsFor : List Name → Array Import → Array Import
  | [], imports => imports
  | module :: rest, imports => importsFor rest (imports.push { module })

/-- The environment of some modules, unless it would be one list of imports more than are to be `kept`. -/
def readImports (memory : Memory) (modules : List Name) (kept : Nat) : IO (Memory × Option Environment) := do
  match findImports modules memory.imports with
  | some env => return (memory, some env)
  | none =>
    if !isLittle modules && kept ≤ countImports memory.imports then return (memory, none)
    checkThatFilesExist modules
    let env ← importAll (importsFor modules #[])
    return ({ memory with imports := (modules, env) :: memory.imports }, some env)

def withoutHeader (name : String) : List Header → List Header
  | [] => []
  | h :: rest => if h.name == name then rest else h :: withoutHeader name rest

def withoutReferencesOf (header : String) : List Reference → List Reference
  | [] => []
  | r :: rest => if r.header == header then withoutReferencesOf header rest else r :: withoutReferencesOf header rest

/-- Read a header: its imports, the commands that may stand twice, and the rest. -/
def elaborateHeader (name : String) (imports : Environment) (input : Parser.InputContext)
    (start : Parser.ModuleParserState) : IO (Except String Header) := do
  let frontend ← IO.mkRef {
    commandState := noncomputably (inOneThread (Command.mkState imports {} {}))
    parserState := start, cmdPos := start.pos : Frontend.State }
  let context : Frontend.Context := { inputCtx := input }
  let (early, _) ← runCommands (fun command => !isRepeatable command) context frontend [] []
  let { commandState := preamble, commands, .. } ← frontend.get
  let (late, _) ← if reachedEnd commands then pure (early, []) else runCommands toTheEnd context frontend early []
  let { commandState := state, commands, .. } ← frontend.get
  match firstError (reverseOnto late []) with
  | some m => return .error ("line " ++ toString m.pos.line ++ ": " ++ (← m.data.toString))
  | none => return .ok {
      name, imports, preamble, state, landmarks := landmarksFrom commands 0, heartbeats? := heartbeatsSet? state }

/-- The header, or why it does not elaborate; nothing where what it imports would be too much. -/
def readHeader (memory : Memory) (name text : String) (kept : Nat) :
    IO (Memory × Option (Except String Header)) := do
  let input := inputContext text
  let (syntaxTree, parserState, messages) ← Parser.parseHeader input
  match firstError messages.toList with
  | some m => return (memory, some (.error (← m.data.toString)))
  | none => pure ()
  let modules := modulesOf (reverseOnto (arrayOnto (headerToImports syntaxTree) 0 []) [])
  match ← readImports memory modules kept with
  | (memory, none) => return (memory, none)
  | (memory, some imports) =>
    let task ← IO.asTask (elaborateHeader name imports input parserState)
    match ← IO.wait task with
    | .ok read => return (memory, some read)
    | .error e => throw e

def headerReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  let forgotten := textField request "forget"
  let { headers, references, .. } := memory
  let memory := { memory with
    headers := withoutHeader forgotten headers, references := withoutReferencesOf forgotten references }
  let (memory, read) ← readHeader memory (textField request "name") (textField request "text")
    (natField request "kept")
  match read with
  | none => return (memory, [("full", .bool true)])
  | some (.error reason) => return (memory, [("error", .str (cut reason))])
  | some (.ok header) => return ({ memory with headers := header :: memory.headers }, [])

def sameReference (header statement : String) (r : Reference) : Bool := r.header == header && r.statement == statement

def findReference (header statement : String) : List Reference → Option Reference
  | [] => none
  | r :: rest => if sameReference header statement r then some r else findReference header statement rest

def takeReferences : Nat → List Reference → List Reference
  | 0, _ => []
  | _, [] => []
  | n + 1, r :: rest => r :: takeReferences n rest

/-- The reference of a request, remembered, and the header it stands under. -/
def referenceFor (memory : Memory) (request : Json) :
    IO (Memory × Except (List (String × Json)) (Header × Reference)) := do
  let statement := textField request "statement"
  match findHeader (textField request "header") memory.headers with
  | none => return (memory, .error [("error", .str "no such header")])
  | some header =>
    match findReference header.name statement memory.references with
    | some reference => return (memory, .ok (header, reference))
    | none =>
      match ← readReference header.state header.name statement with
      | .error reason => return (memory, .error [("statement_error", .str reason)])
      | .ok reference =>
        let references := reference :: takeReferences (referencesKept - 1) memory.references
        return ({ memory with references }, .ok (header, reference))

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
