/-
The Lean side of the verifier: a loop that reads one JSON request a line and
writes one JSON reply a line.  `verifier/protocol.py` is its other half.

    lean --run Worker.lean                 the embedded runtime
    lake env lean --run Worker.lean        any Lake project

Requests, each with an `id` that the reply repeats:

    {"op": "header", "name", "text"}       read imports, opens, definitions once and keep them as `name`
    {"op": "check", "header", "statement", "source", "heartbeats", "tactics"}

A check elaborates `statement := sorry` for its name and type (the reference,
which must be one declaration and nothing else), then `source`, both after the header, and reports what Lean said and how the
declaration of that name compares.  It decides nothing: `verifier/judge.py` does.

The file is written for a Lean that loads libraries without their private parts,
as the embedded one does: a call of an imported polymorphic function that the
compiler would inline fails with "Unknown constant", so the few list and array
walks that are needed stand here as functions of their own.
-/
import Lean
open Lean Elab

/-! ### Walking lists, arrays and trees -/

def reverseOnto : List α → List α → List α
  | [], acc => acc
  | a :: rest, acc => reverseOnto rest (a :: acc)

def appendList : List α → List α → List α
  | [], acc => acc
  | a :: rest, acc => a :: appendList rest acc

/-- The elements from index `i` on, last first, in front of `acc`. -/
partial def arrayOnto (xs : Array α) (i : Nat) (acc : List α) : List α :=
  if h : i < xs.size then arrayOnto xs (i + 1) (xs[i] :: acc) else acc

partial def treeNodeOnto : PersistentArrayNode InfoTree → List InfoTree → List InfoTree
  | .leaf trees, acc => arrayOnto trees 0 acc
  | .node nodes, acc => children nodes 0 acc
where
  children (nodes : Array (PersistentArrayNode InfoTree)) (i : Nat) (acc : List InfoTree) : List InfoTree :=
    if h : i < nodes.size then children nodes (i + 1) (treeNodeOnto nodes[i] acc) else acc

/-- All trees, last first. -/
def treesOf (trees : PersistentArray InfoTree) : List InfoTree :=
  arrayOnto trees.tail 0 (treeNodeOnto trees.root [])

def jsonArray : List Json → Array Json → Json
  | [], acc => .arr acc
  | j :: rest, acc => jsonArray rest (acc.push j)

def field (request : Json) (name : String) : Json :=
  match request.getObjVal? name with
  | .ok value => value
  | .error _ => .null

def textField (request : Json) (name : String) : String :=
  match field request name with
  | .str s => s
  | _ => ""

def natField (request : Json) (name : String) : Nat :=
  match field request name with
  | .num n => n.mantissa.toNat
  | _ => 0

def boolField (request : Json) (name : String) : Bool :=
  match field request name with
  | .bool b => b
  | _ => false

/-! ### Elaborating text -/

@[noinline] unsafe def inputContextImpl (text : String) : Parser.InputContext :=
  { inputString := text, fileName := "<input>", fileMap := FileMap.ofString text
    endPos := text.rawEndPos, endPos_valid := lcProof }

/-- `Parser.mkInputContext` cannot be called from here; this builds the same structure. -/
@[implemented_by inputContextImpl] opaque inputContext (text : String) : Parser.InputContext

/-- What elaborating a text left behind.  `heartbeats` are thousands of small allocations. -/
structure Elaborated where
  env : Environment
  commands : Array Syntax
  messages : List Message
  infoTrees : List InfoTree
  heartbeats : Nat

def parserContext (state : Command.State) : Parser.ParserModuleContext :=
  match state.scopes with
  | scope :: _ =>
    { env := state.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  | [] => { env := state.env, options := {} }

/-- Parse and elaborate command after command.  Messages and trees are taken out after each, last first:
elaborating a command drops what the log held before it, what the parser complained of included. -/
partial def runCommands (context : Frontend.Context) (frontend : IO.Ref Frontend.State)
    (messages : List Message) (trees : List InfoTree) : IO (List Message × List InfoTree) := do
  let state ← frontend.get
  let (command, parserState, complaints) :=
    Parser.parseCommand context.inputCtx (parserContext state.commandState) state.parserState {}
  frontend.set { state with
    parserState, cmdPos := state.parserState.pos, commands := state.commands.push command
    commandState := { state.commandState with
      messages := {}, infoState := { state.commandState.infoState with trees := {} } } }
  Frontend.elabCommandAtFrontend command context frontend
  let state ← frontend.get
  let messages := reverseOnto state.commandState.messages.toList (reverseOnto complaints.toList messages)
  let trees := appendList (treesOf state.commandState.infoState.trees) trees
  if Parser.isTerminalCommand command then return (messages, trees)
  else runCommands context frontend messages trees

def elaborateHere (state : Command.State) (text : String) (withInfo : Bool) : IO Elaborated := do
  let commandState := { state with
    messages := {}, infoState := { enabled := withInfo }, traceState := {}, snapshotTasks := #[] }
  let frontend ← IO.mkRef { commandState, parserState := {}, cmdPos := 0 : Frontend.State }
  let before ← IO.getNumHeartbeats
  let (messages, trees) ← runCommands { inputCtx := inputContext text } frontend [] []
  let after ← IO.getNumHeartbeats
  let final ← frontend.get
  return {
    env := final.commandState.env, commands := final.commands, messages := reverseOnto messages [],
    infoTrees := reverseOnto trees [], heartbeats := (after - before) / 1000 }

/-- Elaborate the commands of `text` in a copy of `state`.

In a task of its own: a task's thread has the larger stack that Lean's check for
deep recursion counts on, and the heartbeats of one thread are those of the text. -/
def elaborate (state : Command.State) (text : String) (withInfo : Bool) : IO Elaborated := do
  let task ← IO.asTask (elaborateHere state text withInfo)
  match ← IO.wait task with
  | .ok elaborated => return elaborated
  | .error e => throw e

/-- Give each declaration the budget, in thousands of small allocations as `maxHeartbeats` is, and keep
elaboration in one thread, so that they are counted. -/
def withHeartbeats (state : Command.State) (budget : Nat) : Command.State :=
  match state.scopes with
  | scope :: rest =>
    let opts := (scope.opts.setNat `maxHeartbeats budget).setBool `Elab.async false
    { state with scopes := { scope with opts } :: rest }
  | [] => state

/-! What is kept of Lean's words is bounded: a candidate decides how much it makes Lean print. -/

/-- Bytes kept of one message, goal or type. -/
def textLimit : Nat := 8000

/-- Messages kept, of errors and of all others each. -/
def messageLimit : Nat := 100

/-- Bytes kept of all tactics together. -/
def tacticsLimit : Nat := 8000000

def cut (text : String) : String :=
  if text.utf8ByteSize > textLimit then String.Pos.Raw.extract text 0 (String.Pos.Raw.prev text ⟨textLimit⟩) else text

def severityName : MessageSeverity → String
  | .error => "error"
  | .warning => "warning"
  | .information => "info"

def isError (m : Message) : Bool :=
  match m.severity with
  | .error => true
  | _ => false

/-- The first `errors` errors and the first `others` of the rest, in Lean's order, with lines from 1 and
columns in code points from 0. -/
def messageJson : List Message → (errors others : Nat) → List Json → IO (List Json)
  | [], _, _, acc => return reverseOnto acc []
  | m :: rest, errors, others, acc => do
    if (if isError m then errors else others) == 0 then messageJson rest errors others acc
    else
      let text ← m.data.toString
      let json := Json.mkObj [
        ("severity", .str (severityName m.severity)), ("line", .num m.pos.line), ("column", .num m.pos.column),
        ("text", .str (cut text))]
      if isError m then messageJson rest (errors - 1) others (json :: acc)
      else messageJson rest errors (others - 1) (json :: acc)

def firstError : List Message → Option Message
  | [] => none
  | m :: rest => if isError m then some m else firstError rest

/-! ### Tactics and their goals -/

partial def tacticsOnto (tree : InfoTree) (context? : Option ContextInfo)
    (acc : List (ContextInfo × TacticInfo)) : List (ContextInfo × TacticInfo) :=
  match tree with
  | .context c t => tacticsOnto t (c.mergeIntoOuter? context?) acc
  | .hole _ => acc
  | .node info children =>
    let acc := forest (treesOf children) acc
    match info, context? with
    | .ofTacticInfo tactic, some context => (context, tactic) :: acc
    | _, _ => acc
where
  forest : List InfoTree → List (ContextInfo × TacticInfo) → List (ContextInfo × TacticInfo)
    | [], acc => acc
    | t :: rest, acc => tacticsOnto t context? (forest rest acc)

def allTactics : List InfoTree → List (ContextInfo × TacticInfo) → List (ContextInfo × TacticInfo)
  | [], acc => acc
  | t :: rest, acc => allTactics rest (tacticsOnto t none acc)

def goalText (context : ContextInfo) (mctx : MetavarContext) (goals : List MVarId) : IO String := do
  let format ← { context with mctx := mctx }.ppGoals goals
  return cut format.pretty

def positionJson : Option String.Pos.Raw → Json
  | some p => .num p.byteIdx
  | none => .null

/-- The first tactics, until their texts have `bytes`.  Spans are byte offsets into the source; `kind` is the
syntax node's, so that wrappers can be told apart. -/
def tacticJson : List (ContextInfo × TacticInfo) → (bytes : Nat) → List Json → IO (List Json)
  | [], _, acc => return reverseOnto acc []
  | (context, tactic) :: rest, bytes, acc => do
    if bytes == 0 then return reverseOnto acc []
    let kind := tactic.stx.getKind.toString
    let before ← goalText context tactic.mctxBefore tactic.goalsBefore
    let after ← goalText context tactic.mctxAfter tactic.goalsAfter
    let size := kind.utf8ByteSize + before.utf8ByteSize + after.utf8ByteSize
    tacticJson rest (bytes - size) (Json.mkObj [
      ("kind", .str kind), ("start", positionJson tactic.stx.getPos?),
      ("stop", positionJson tactic.stx.getTailPos?), ("before", .str before), ("after", .str after)] :: acc)

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
    | some info => return .ok { header, statement, name, info }
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

/-- Same type up to the names of bound variables and of universe parameters. -/
def sameType (reference candidate : ConstantInfo) : Bool :=
  sameLength reference.levelParams candidate.levelParams &&
    candidate.type.instantiateLevelParams candidate.levelParams (levelsOf reference.levelParams) == reference.type

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

def typeText (state : Command.State) (env : Environment) (e : Expr) : IO Json := do
  let opts := match state.scopes with
    | scope :: _ => scope.opts
    | [] => {}
  let formatted ← ppExprWithInfos { env, opts } e
  return .str (cut formatted.fmt.pretty)

/-- How the declaration of the reference's name compares; null when there is none. -/
def declarationJson (header : Header) (reference : Reference) (env : Environment) : IO Json := do
  match env.find? reference.name with
  | none => return .null
  | some info =>
    let same := sameType reference.info info
    let types ← if same then pure [] else do
      let want ← typeText header.state env reference.info.type
      let got ← typeText header.state env info.type
      pure [("reference_type", want), ("type", got)]
    let axioms := axiomsFrom header.imports env (theoremsLookLikeAxioms header.imports) [reference.name] {} []
    return Json.mkObj (
      ("kind", .str (kindName info)) :: ("reference_kind", .str (kindName reference.info)) ::
      ("same_type", .bool same) :: ("axioms", jsonArray (nameJson axioms) #[]) :: types)

/-! ### Requests -/

/-- What the worker keeps between requests.  Attempts at one theorem come in
groups, so the last reference is worth keeping. -/
structure Memory where
  headers : List Header := []
  reference? : Option Reference := none

def findHeader (name : String) : List Header → Option Header
  | [] => none
  | h :: rest => if h.name == name then some h else findHeader name rest

def readHeader (name text : String) : IO (Except String Header) := do
  let input := inputContext text
  let (syntaxTree, parserState, messages) ← Parser.parseHeader input
  match firstError messages.toList with
  | some m => return .error (← m.data.toString)
  | none => pure ()
  let imports ← importModules (HeaderSyntax.imports syntaxTree) {} (loadExts := true)
  let result ← IO.processCommands input parserState (Command.mkState imports {} {})
  match firstError result.commandState.messages.toList with
  | some m =>
    return .error ("line " ++ toString m.pos.line ++ ": " ++ (← m.data.toString))
  | none => return .ok { name, imports, state := withHeartbeats result.commandState statementHeartbeats }

def headerReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  match ← readHeader (textField request "name") (textField request "text") with
  | .error reason => return (memory, [("error", .str (cut reason))])
  | .ok header => return ({ memory with headers := header :: memory.headers }, [])

def referenceFor (memory : Memory) (header : Header) (statement : String) : IO (Except String Reference) := do
  match memory.reference? with
  | some r => if r.header == header.name && r.statement == statement then return .ok r
  | none => pure ()
  readReference header.state header.name statement

def checkReply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  match findHeader (textField request "header") memory.headers with
  | none => return (memory, [("error", .str "no such header")])
  | some header =>
    match ← referenceFor memory header (textField request "statement") with
    | .error reason => return (memory, [("statement_error", .str reason)])
    | .ok reference =>
      let wantTactics := boolField request "tactics"
      let state := withHeartbeats header.state (natField request "heartbeats")
      let result ← elaborate state (textField request "source") wantTactics
      let messages ← messageJson result.messages messageLimit messageLimit []
      let declaration ← declarationJson header reference result.env
      let tactics ← if wantTactics then do
          pure (jsonArray (← tacticJson (allTactics result.infoTrees []) tacticsLimit []) #[])
        else pure .null
      return ({ memory with reference? := some reference }, [
        ("name", .str reference.name.toString), ("messages", jsonArray messages #[]),
        ("declaration", declaration), ("tactics", tactics),
        ("heartbeats", .num result.heartbeats)])

def reply (memory : Memory) (request : Json) : IO (Memory × List (String × Json)) := do
  try
    match textField request "op" with
    | "header" => headerReply memory request
    | "check" => checkReply memory request
    | op => return (memory, [("error", .str ("no such op: " ++ op))])
  catch e => return (memory, [("error", .str (cut e.toString))])

/-- A reply begins on a line of its own, whatever a candidate printed before it. -/
def send (output : IO.FS.Stream) (fields : List (String × Json)) : IO Unit := do
  output.putStr ("\n" ++ (Json.mkObj fields).compress ++ "\n")
  output.flush

partial def serve (memory : Memory) (input output : IO.FS.Stream) : IO Unit := do
  let line ← input.getLine
  if line.isEmpty then return ()
  let (memory, fields) ← match Json.parse line with
    | .error e => pure (memory, [("error", .str e)])
    | .ok request => do
      let started ← IO.monoMsNow
      let (memory, fields) ← reply memory request
      let ended ← IO.monoMsNow
      pure (memory, ("id", .str (textField request "id")) :: ("ms", .num (ended - started)) :: fields)
  send output fields
  serve memory input output

public def main : IO Unit := do
  let output ← IO.getStdout
  send output [("ready", .bool true), ("lean", .str Lean.versionString)]
  serve {} (← IO.getStdin) output
