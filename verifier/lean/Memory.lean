/-! ### What a process keeps between requests -/

/-- References kept: attempts at a theorem come in groups, and several groups are on their way at a time. -/
def referencesKept : Nat := 16

/-- All of it newest first.  Headers go when the other side says so; what was imported stays in memory in any case, so
each list of imports is read once. -/
structure Memory where
  imports : List (List Name × Environment) := []
  headers : List Header := []
  references : List Reference := []
  places : List (String × Place) := []

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
  let { headers, references, places, .. } := memory
  let memory := { memory with
    headers := withoutHeader forgotten headers, references := withoutReferencesOf forgotten references
    places := withoutPlacesUnder (forgotten ++ "\n") places }
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
        let references := reference :: takeFirst (referencesKept - 1) memory.references
        return ({ memory with references }, .ok (header, reference))
