/-! ### What has changed from version to version of Lean

One source for every Lean from 4.9 on.  Where a name or the arguments of a function of Lean's changed, all ways to say
it stand here, the newest first, and the Lean that compiles the worker takes the first that it understands: `first`
does that in every version.  No version number decides, so a nightly needs none.  Everything behind this file is
written in what never changed.

The first ways are also those that compile for the embedded Lean, which loads libraries without their private parts. -/

/-- What `Parser.mkInputContext` makes, made by hand where the fields are known: the embedded Lean cannot call that. -/
@[noinline] unsafe def inputContextImpl (text : String) : Parser.InputContext := by
  first
  | exact { inputString := text, fileName := "<input>", fileMap := FileMap.ofString text
            endPos := text.rawEndPos, endPos_valid := lcProof }
  | exact Parser.mkInputContext text "<input>"

/-- The text as the parser takes it. -/
@[implemented_by inputContextImpl] opaque inputContext (text : String) : Parser.InputContext

/-- The first `bytes` of a text, or a few less, since characters stay whole; some versions count characters. -/
def takeText (text : String) (bytes : Nat) : String := by
  first
  | exact String.Pos.Raw.extract text 0 (String.Pos.Raw.prev text ⟨bytes⟩)
  | exact toString (text.take bytes)

/-- The environment of some modules, with the state of their extensions: notations, attributes, simp sets. -/
def importAll (imports : Array Import) : IO Environment := by
  first
  | exact importModules imports {} (loadExts := true)
  | exact importModules imports {}

/-- The number that an option was set to, if it was set. -/
def numberSet? (opts : Options) (name : Name) : Option Nat := by
  first
  | exact match opts.find? name with
      | some (.ofNat n) => some n
      | _ => none
  | exact match opts.find name with
      | some (.ofNat n) => some n
      | _ => none

/-- The options with a number set. -/
def setNumber (opts : Options) (name : Name) (number : Nat) : Options := by
  first
  | exact opts.setNat name number
  | exact opts.set name number

/-- Why the kernel refuses. -/
abbrev KernelError : Type := by
  first
  | exact Kernel.Exception
  | exact KernelException

/-- Begin to count the heartbeats of this thread anew, where Lean can. -/
def restartHeartbeats : BaseIO Unit := by
  first
  | exact IO.setNumHeartbeats 0
  | exact pure ()

/-- Have the kernel check a declaration, with a budget in small allocations.  Its depth is bounded by the stack alone,
which 0 says to versions that take a bound. -/
def addToKernel (env : Environment) (heartbeats : USize) (decl : Declaration) : Except KernelError Environment := by
  first
  | exact env.addDeclCore heartbeats 0 decl none
  | exact env.addDeclCore heartbeats decl none
  | exact env.addDeclCore heartbeats decl
