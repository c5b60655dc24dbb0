/-! ### Elaborating text -/

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

/-- Parse and elaborate command after command, until one that `stops` has been read and not elaborated, or the end.
Messages and trees are taken out after each, last first: elaborating a command drops what the log held before it,
what the parser complained of included. -/
partial def runCommands (stops : Syntax → Bool) (context : Frontend.Context) (frontend : IO.Ref Frontend.State)
    (messages : List Message) (trees : List InfoTree) : IO (List Message × List InfoTree) := do
  let state ← frontend.get
  let (command, parserState, complaints) :=
    Parser.parseCommand context.inputCtx (parserContext state.commandState) state.parserState {}
  if stops command then return (messages, trees)
  frontend.set { state with
    parserState, cmdPos := state.parserState.pos, commands := state.commands.push command
    commandState := { state.commandState with
      messages := {}, infoState := { state.commandState.infoState with trees := {} } } }
  Frontend.elabCommandAtFrontend command context frontend
  let state ← frontend.get
  let messages := reverseOnto state.commandState.messages.toList (reverseOnto complaints.toList messages)
  let trees := appendList (treesOf state.commandState.infoState.trees) trees
  if Parser.isTerminalCommand command then return (messages, trees)
  else runCommands stops context frontend messages trees

def toTheEnd (_ : Syntax) : Bool := false

/-- A text, and where its commands begin: behind its imports, if it is a file with imports of its own. -/
structure Text where
  input : Parser.InputContext
  start : Parser.ModuleParserState := {}

/-- A text without imports. -/
def textOf (text : String) : Text := { input := inputContext text }

def elaborateHere (state : Command.State) (text : Text) (withInfo : Bool) : IO Elaborated := do
  let commandState := { state with
    messages := {}, infoState := { enabled := withInfo }, traceState := {} }
  let frontend ← IO.mkRef { commandState, parserState := text.start, cmdPos := text.start.pos : Frontend.State }
  let before ← IO.getNumHeartbeats
  let (messages, trees) ← runCommands toTheEnd { inputCtx := text.input } frontend [] []
  let after ← IO.getNumHeartbeats
  let final ← frontend.get
  return {
    env := final.commandState.env, commands := final.commands, messages := reverseOnto messages [],
    infoTrees := reverseOnto trees [], heartbeats := (after - before) / 1000 }

/-- Elaborate the commands of `text` from `start` on in a copy of `state`.

In a task of its own: a task's thread has the larger stack that Lean's check for
deep recursion counts on, and the heartbeats of one thread are those of the text. -/
def elaborate (state : Command.State) (text : Text) (withInfo : Bool) : IO Elaborated := do
  let task ← IO.asTask (elaborateHere state text withInfo)
  match ← IO.wait task with
  | .ok elaborated => return elaborated
  | .error e => throw e

/-- Keep elaboration in one thread, so that heartbeats, which are counted by thread, are all counted. -/
def inOneThread (state : Command.State) : Command.State :=
  match state.scopes with
  | scope :: rest => { state with scopes := { scope with opts := scope.opts.setBool `Elab.async false } :: rest }
  | [] => state

/-- Give each declaration the budget, in thousands of small allocations as `maxHeartbeats` is; 0 is no bound. -/
def withHeartbeats (state : Command.State) (budget : Nat) : Command.State :=
  match state.scopes with
  | scope :: rest => { state with scopes := { scope with opts := setNumber scope.opts `maxHeartbeats budget } :: rest }
  | [] => state

/-- Lean's own budget where nothing sets another. -/
def usualHeartbeats : Nat := 200000

/-- What `set_option maxHeartbeats` says where the state was left, if it stands there. -/
def heartbeatsSet? (state : Command.State) : Option Nat :=
  match state.scopes with
  | scope :: _ => numberSet? scope.opts `maxHeartbeats
  | [] => none

/-- As in a `noncomputable section`: a definition that compiles is compiled, and one that does not is no error, because
what a proof rests on is the kernel's matter.  Lean without the private parts of its libraries cannot compile all. -/
def noncomputably (state : Command.State) : Command.State :=
  match state.scopes with
  | scope :: rest => { state with scopes := { scope with isNoncomputable := true } :: rest }
  | [] => state

/-- The state in which a candidate is elaborated.

Without `kernel`, declarations are left unchecked here: the audit checks those that matter, and once is enough. -/
def forCandidate (state : Command.State) (budget : Nat) (kernel : Bool) : Command.State :=
  let state := noncomputably (withHeartbeats (inOneThread state) budget)
  match state.scopes with
  | scope :: rest =>
    let opts := if kernel then scope.opts else scope.opts.setBool `debug.skipKernelTC true
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
  if text.utf8ByteSize > textLimit then takeText text textLimit else text

def severityName : MessageSeverity → String
  | .error => "error"
  | .warning => "warning"
  | .information => "info"

def isError (m : Message) : Bool :=
  match m.severity with
  | .error => true
  | _ => false

def endJson (place : Position → Nat) : Option Position → Json
  | some p => .num (place p)
  | none => .null

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
        ("end_line", endJson (·.line) m.endPos), ("end_column", endJson (·.column) m.endPos), ("text", .str (cut text))]
      if isError m then messageJson rest (errors - 1) others (json :: acc)
      else messageJson rest errors (others - 1) (json :: acc)

def firstError : List Message → Option Message
  | [] => none
  | m :: rest => if isError m then some m else firstError rest

/-! ### Tactics and their goals -/

mutual
partial def tacticsOnto (tree : InfoTree) (context? : Option ContextInfo)
    (acc : List (ContextInfo × TacticInfo)) : List (ContextInfo × TacticInfo) :=
  match tree with
  | .context c t => tacticsOnto t (c.mergeIntoOuter? context?) acc
  | .hole _ => acc
  | .node info children =>
    let acc := forestOnto (treesOf children) context? acc
    match info, context? with
    | .ofTacticInfo tactic, some context => (context, tactic) :: acc
    | _, _ => acc

partial def forestOnto (trees : List InfoTree) (context? : Option ContextInfo)
    (acc : List (ContextInfo × TacticInfo)) : List (ContextInfo × TacticInfo) :=
  match trees with
  | [] => acc
  | t :: rest => tacticsOnto t context? (forestOnto rest context? acc)
end

def allTactics : List InfoTree → List (ContextInfo × TacticInfo) → List (ContextInfo × TacticInfo)
  | [], acc => acc
  | t :: rest, acc => allTactics rest (tacticsOnto t none acc)

def goalText (context : ContextInfo) (mctx : MetavarContext) (goals : List MVarId) : IO String := do
  let format ← { context with mctx := mctx }.ppGoals goals
  return cut format.pretty

/-- Where a syntax tree begins in the text, in bytes. -/
def startJson (stx : Syntax) : Json :=
  match stx.getPos? with
  | some p => .num p.byteIdx
  | none => .null

/-- Where it ends. -/
def stopJson (stx : Syntax) : Json :=
  match stx.getTailPos? with
  | some p => .num p.byteIdx
  | none => .null

/-- The first tactics, until their texts have `bytes`.  Spans are byte offsets into the source; `kind` is the
syntax node's, so that wrappers can be told apart.  Goals, if wanted, can take longer to print than to prove. -/
def tacticJson (wantGoals : Bool) : List (ContextInfo × TacticInfo) → (bytes : Nat) → List Json → IO (List Json)
  | [], _, acc => return reverseOnto acc []
  | (context, tactic) :: rest, bytes, acc => do
    if bytes == 0 then return reverseOnto acc []
    let kind := tactic.stx.getKind.toString
    let before ← if wantGoals then goalText context tactic.mctxBefore tactic.goalsBefore else pure ""
    let after ← if wantGoals then goalText context tactic.mctxAfter tactic.goalsAfter else pure ""
    let size := kind.utf8ByteSize + before.utf8ByteSize + after.utf8ByteSize + 1
    tacticJson wantGoals rest (bytes - size) (Json.mkObj [
      ("kind", .str kind), ("start", startJson tactic.stx),
      ("stop", stopJson tactic.stx), ("before", .str before), ("after", .str after)] :: acc)

