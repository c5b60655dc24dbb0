/-! ### Whole files

A file begins with what only its first lines may say: `module`, `prelude` and imports.  Lean's own parser reads
that, so comments, licences, several imports on a line, `public import` and `import all` are what they are to Lean.

The rest of a file is elaborated as if it had no `module`: `public`, `public section`, `@[expose]` and `meta` are then
read and change nothing, and no name becomes private to the module. -/

/-- What stands before the first command of a file. -/
structure FileHeader where
  /-- The modules that it names itself, without the `Init` that Lean adds. -/
  imports : List Name
  isPrelude : Bool
  /-- Where the first command starts, for `elaborate`. -/
  start : Parser.ModuleParserState
  /-- What Lean's parser complains of.  With an error there are no imports, and Lean reads no further. -/
  messages : List Message

def modulesOf : List Import → List Name
  | [] => []
  | { module, .. } :: rest => module :: modulesOf rest

/-- Lean adds `Init` to a file that is no prelude, and who imports it has it already. -/
def withoutInit : List Name → List Name
  | [] => []
  | module :: rest => if module == `Init then withoutInit rest else module :: withoutInit rest

/-- The header of a file, read and not imported. -/
def parseFileHeader (text : String) : IO FileHeader := do
  let (syntaxTree, start, messages) ← Parser.parseHeader (inputContext text)
  let messages := messages.toList
  match firstError messages with
  | some _ => return { imports := [], isPrelude := false, start, messages }
  | none =>
    let all := modulesOf (reverseOnto (arrayOnto (headerToImports syntaxTree) 0 []) [])
    return { imports := withoutInit all, isPrelude := !memberName `Init all, start, messages }

def importLines : List Name → String
  | [] => ""
  | module :: rest => "import " ++ module.toString ++ "\n" ++ importLines rest

/-- What to import for a file, as a header of its own: without `module`, `public`, `meta` and `all`, which make no
difference to who reads all of what is imported; so files that import the same have the same header. -/
def plainHeader (header : FileHeader) : String :=
  (if header.isPrelude then "prelude\n" else "") ++ importLines header.imports
