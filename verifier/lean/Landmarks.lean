/-! ### Landmarks: whether a file brings the header along

A submitted file may be the file that the prompt showed, with all that the header says, or only what follows the
header.  Read after the header, the first would declare everything twice.  So a file in which Lean's parser finds
every *landmark* of the header, in the header's order, is read after the header's imports alone, as the file that
it is.  Landmarks are the header's commands that cannot stand twice: all but `open`, `set_option` and comments.
A declaration is known by what it declares, so that a file may word it differently: whether it then is the same is
for the kernel to say.  Every other command is known by its words. -/

mutual
/-- The words of a syntax tree, last first, in front of `acc`, without what stands between them. -/
partial def wordsOnto (stx : Syntax) (acc : List String) : List String :=
  match stx with
  | .node _ _ args => wordsFrom args 0 acc
  | .atom _ word => word :: acc
  | .ident _ _ name _ => name.toString :: acc
  | .missing => acc

partial def wordsFrom (args : Array Syntax) (i : Nat) (acc : List String) : List String :=
  if h : i < args.size then wordsFrom args (i + 1) (wordsOnto args[i] acc) else acc
end

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

def joinWords : List String → String → String
  | [], text => text
  | word :: rest, text => joinWords rest (text ++ " " ++ word)

def nameWords : List Name → List String
  | [] => []
  | name :: rest => name.toString :: nameWords rest

/-- Whether a command may stand twice, so that a file need not repeat it and may. -/
def isRepeatable (command : Syntax) : Bool :=
  let kind := command.getKind
  kind == ``Parser.Command.open || kind == ``Parser.Command.set_option || kind == ``Parser.Command.moduleDoc ||
    Parser.isTerminalCommand command

/-- What a command is known by. -/
def landmarkOf (command : Syntax) : String :=
  match declaredIds command [] with
  | [] => joinWords (reverseOnto (wordsOnto command []) []) ""
  | names => joinWords (nameWords names) "declares"

/-- The landmarks among commands from index `i` on. -/
partial def landmarksFrom (commands : Array Syntax) (i : Nat) : List String :=
  if h : i < commands.size then
    let rest := landmarksFrom commands (i + 1)
    if isRepeatable commands[i] then rest else landmarkOf commands[i] :: rest
  else []

/-- Whether the file has all of `landmarks` in this order.  It is read with everything that the header declares
in force, the header's notations above all, and nothing of it is elaborated. -/
partial def hasLandmarks (input : Parser.InputContext) (context : Parser.ParserModuleContext)
    (landmarks : List String) (state : Parser.ModuleParserState) : Bool :=
  match landmarks with
  | [] => true
  | next :: rest =>
    let (command, state, _) := Parser.parseCommand input context state {}
    if Parser.isTerminalCommand command then false
    else if !isRepeatable command && landmarkOf command == next then hasLandmarks input context rest state
    else hasLandmarks input context landmarks state

partial def reachedEnd (commands : Array Syntax) : Bool :=
  if h : 0 < commands.size then Parser.isTerminalCommand commands[commands.size - 1] else false
