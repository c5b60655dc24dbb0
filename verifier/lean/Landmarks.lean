/-! ### Landmarks: whether a file brings the header along

A submitted file may be the file that the prompt showed, with all that the header says, or only what follows the
header.  Read after the header, the first would declare everything twice.  So Lean's parser looks through the file for
the header's *landmarks*, the commands that cannot stand twice: all but `open`, `set_option` and comments.  The file is
read after the header's imports alone, as the file that it is,

- if it has all landmarks, in the header's order; or
- if it has one that would be an error after the header: it declares what the header declares, or a notation with the
  same symbols, or names the same universe, or opens the namespace in which the header ends.

A declaration is known by what it declares, so that a file may word it differently: whether it then is the same is
for the kernel to say.  Notations are known by their symbols, every other command by its words. -/

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

/-- The string literals among words, which are the symbols of a notation. -/
def literalsOf : List String → List String
  | [] => []
  | word :: rest =>
    match word.toList with
    | '"' :: _ => word :: literalsOf rest
    | _ => literalsOf rest

def isNotation (command : Syntax) : Bool :=
  let kind := command.getKind
  kind == ``Parser.Command.notation || kind == ``Parser.Command.mixfix || kind == ``Parser.Command.macro ||
    kind == ``Parser.Command.syntax

/-- What a command is known by. -/
def landmarkOf (command : Syntax) : String :=
  let words := reverseOnto (wordsOnto command []) []
  match declaredIds command [] with
  | [] => if isNotation command then joinWords (literalsOf words) "writes" else joinWords words ""
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

/-! #### What would be an error after the header -/

def hasText (text : String) : List String → Bool
  | [] => false
  | t :: rest => t == text || hasText text rest

def argumentAt (stx : Syntax) (i : Nat) : Syntax :=
  match stx with
  | .node _ _ args => if h : i < args.size then args[i] else .missing
  | _ => .missing

/-- The identifier that a tree is, or begins with. -/
def identifierIn (stx : Syntax) : Name :=
  match stx, argumentAt stx 0 with
  | .ident _ _ name _, _ => name
  | _, .ident _ _ name _ => name
  | _, _ => .anonymous

/-- The namespaces of the scopes that are open, innermost first, after `namespace id`. -/
partial def pushed (id : Name) (spaces : List Name) : List Name :=
  let current := match spaces with
    | space :: _ => space
    | [] => .anonymous
  match id with
  | .str .anonymous _ => (current ++ id) :: spaces
  | .str parent _ => (current ++ id) :: pushed parent spaces
  | _ => spaces

def depthOf : Name → Nat
  | .anonymous => 0
  | .str parent _ => depthOf parent + 1
  | .num parent _ => depthOf parent + 1

def dropped : Nat → List Name → List Name
  | n + 1, _ :: rest => dropped n rest
  | _, spaces => spaces

/-- The open scopes behind a command. -/
def spacesAfter (command : Syntax) (spaces : List Name) : List Name :=
  let kind := command.getKind
  if kind == ``Parser.Command.namespace then pushed (identifierIn (argumentAt command 1)) spaces
  else if kind == ``Parser.Command.section then match spaces with
    | space :: _ => space :: spaces
    | [] => [.anonymous]
  else if kind == ``Parser.Command.end then
    let depth := depthOf (identifierIn (argumentAt command 1))
    dropped (if depth == 0 then 1 else depth) spaces
  else spaces

partial def isAbove (space name : Name) : Bool :=
  space == name || (match name with
    | .str parent _ => isAbove space parent
    | .num parent _ => isAbove space parent
    | .anonymous => false)

/-- A name as it is written, without `_root_` in front; and whether that stood there. -/
partial def withoutRoot (name : Name) : Name × Bool :=
  match name with
  | .str .anonymous "_root_" => (.anonymous, true)
  | .str parent part =>
    let (parent, isRooted) := withoutRoot parent
    (.str parent part, isRooted)
  | .num parent part =>
    let (parent, isRooted) := withoutRoot parent
    (.num parent part, isRooted)
  | .anonymous => (.anonymous, false)

/-- The constant that a declaration of `id` in the namespace made, which may be private to the file. -/
def declaredAs (env : Environment) (space id : Name) : Option ConstantInfo :=
  let (own, isRooted) := withoutRoot id
  let name := if isRooted then own else space ++ own
  match env.find? name with
  | some info => some info
  | none => env.find? (mkPrivateName env name)

/-- Whether one of the declared names is one that the header has and its imports have not. -/
def redeclares (imports env : Environment) (space : Name) : List Name → Bool
  | [] => false
  | id :: rest =>
    (match declaredAs env space id with
    | some info => !imports.contains info.name
    | none => false) || redeclares imports env space rest

/-- Whether the command would be an error after the header, or be misread: see above. -/
def repeats (imports env : Environment) (landmarks : List String) (ends : Name) (spaces : List Name)
    (command : Syntax) : Bool :=
  let space := match spaces with
    | space :: _ => space
    | [] => .anonymous
  let kind := command.getKind
  if kind == ``Parser.Command.namespace then
    let id := identifierIn (argumentAt command 1)
    space == ends && id != .anonymous && isAbove id ends
  else if isNotation command || kind == ``Parser.Command.universe then hasText (landmarkOf command) landmarks
  else redeclares imports env space (declaredIds command [])

partial def hasRepeated (input : Parser.InputContext) (context : Parser.ParserModuleContext)
    (isRepeat : List Name → Syntax → Bool) (spaces : List Name) (state : Parser.ModuleParserState) : Bool :=
  let (command, state, _) := Parser.parseCommand input context state {}
  if Parser.isTerminalCommand command then false
  else isRepeat spaces command || hasRepeated input context isRepeat (spacesAfter command spaces) state

partial def reachedEnd (commands : Array Syntax) : Bool :=
  if h : 0 < commands.size then Parser.isTerminalCommand commands[commands.size - 1] else false
