/-! ### Plain: what an unsound kernel must not be shown

Every Lean before 4.33.1 has a kernel with published holes that an export reaches: `verifier/lean/advisories.py` lists
them, docs/soundness.md says what each needs.  All of them need an inductive type that Lean's own elaborator never
makes.  So such a kernel is only shown inductive types that are written out plainly: nothing in them has to be
reduced to see in which universe they live and where they occur in themselves, so that a walk over them answers it.
What is refused here is not wrong, so it is `unsupported`, unless the kernel itself says what is wrong with it. -/

/-! #### Which kernels are concerned -/

def startsWith : List Char → List Char → Bool
  | [], _ => true
  | c :: cs, d :: ds => c == d && startsWith cs ds
  | _, [] => false

/-- Fixed in 4.33.1 and, while 4.34.0 was prepared, in its second release candidate. -/
def isConcerned (major minor patch : Nat) (special : String) : Bool :=
  if major != 4 then major < 4
  else if minor < 33 then true
  else if minor == 33 then patch < 1
  else minor == 34 && patch == 0 && (special == "pre" || special == "rc1" || startsWith "nightly".toList special.toList)

def kernelIsConcerned : Bool :=
  isConcerned Lean.version.major Lean.version.minor Lean.version.patch Lean.version.specialDesc

/-! #### Looking into expressions -/

def occurs (p : Expr → Bool) (e : Expr) : Bool :=
  match e.find? p with
  | some _ => true
  | none => false

def memberExpr (e : Expr) : List Expr → Bool
  | [] => false
  | x :: rest => x == e || memberExpr e rest

def countExprs : List Expr → Nat → Nat
  | [], n => n
  | _ :: rest, n => countExprs rest (n + 1)

def sameLevels : List Level → List Level → Bool
  | [], [] => true
  | a :: as, b :: bs => a == b && sameLevels as bs
  | _, _ => false

/-- The arguments of an application, in front of `acc`. -/
def argumentsOnto : Expr → List Expr → List Expr
  | .app f a, acc => argumentsOnto f (a :: acc)
  | _, acc => acc

def applied (f : Expr) : List Expr → Expr
  | [] => f
  | a :: rest => applied (.app f a) rest

/-- The kernel keeps names of this kind for the types it makes of nested occurrences (lean4#14616). -/
def isReserved : Name → Bool
  | .anonymous => false
  | .str parent part => startsWith "_nested".toList part.toList || isReserved parent
  | .num parent _ => isReserved parent

/-- Definitions unfolded at most on the way to a `Sort`. -/
def unfoldLimit : Nat := 100

/-- The level of the `Sort` in which a telescope ends, and the number of its binders.

Definitions are unfolded (`inductive Closed (s : Set α) : Set α` is one such), because that gives the same for all
arguments.  No recursor is: what it reduces to can depend on them, and that is how lean4#14807 hides a proposition. -/
partial def sortOf (env : Environment) (e : Expr) (binders unfolded : Nat) : Option (Level × Nat) :=
  match e with
  | .forallE _ _ body _ => sortOf env body (binders + 1) unfolded
  | .sort level => some (level, binders)
  | _ =>
    match e.getAppFn with
    | .const name levels =>
      match env.find? name with
      | some (.defnInfo v) =>
        if unfolded ≥ unfoldLimit then none
        else
          let value := v.value.instantiateLevelParams v.levelParams levels
          sortOf env (applied value (argumentsOnto e [])).headBeta binders (unfolded + 1)
      | _ => none
    | _ => none

/-! #### Occurrences of the declared types -/

/-- The types that are declared together, with variables for their parameters. -/
structure Block where
  env : Environment
  names : List Name
  levels : List Level
  params : List Expr

/-- Stands for every bound variable that is no parameter.  Nothing here compares two of them. -/
def anyLocal : Expr := .fvar { name := .str .anonymous "local" }

def isLocal : Expr → Bool
  | .fvar id => id.name == .str .anonymous "local"
  | _ => false

/-- Variables for parameters `i` to `n`. -/
partial def paramsFrom (i n : Nat) : List Expr :=
  if i < n then .fvar { name := .num (.str .anonymous "param") i } :: paramsFrom (i + 1) n else []

def Block.mentions (block : Block) (e : Expr) : Bool :=
  occurs (fun
    | .const name _ => memberName name block.names
    | .proj name _ _ => memberName name block.names
    | _ => false) e

def Block.mentionsAny (block : Block) : List Expr → Bool
  | [] => false
  | e :: rest => block.mentions e || block.mentionsAny rest

/-- What is left of the arguments after exactly the parameters. -/
def afterParams : List Expr → List Expr → Option (List Expr)
  | [], rest => some rest
  | p :: ps, a :: rest => if p == a then afterParams ps rest else none
  | _, [] => none

/-- The first `n` and the others, if there are so many. -/
def splitAt : Nat → List Expr → List Expr → Option (List Expr × List Expr)
  | 0, acc, rest => some (reverseOnto acc [], rest)
  | n + 1, acc, e :: rest => splitAt n (e :: acc) rest
  | _, _, [] => none

/-- Whether it is `fun x y ... => x` with `n` binders so far: a note on a type, such as `optParam`. -/
def givesItsFirst : Expr → Nat → Bool
  | .lam _ _ body _, n => givesItsFirst body (n + 1)
  | .bvar i, n => i + 1 == n
  | _, _ => false

/-- Notes that the kernel looks through. -/
def isNote (name : Name) : Bool :=
  name == ``optParam || name == ``autoParam || name == ``outParam || name == ``semiOutParam

/-- Nested occurrences followed at most; honest types have a handful. -/
def nestedLimit : Nat := 200

/-- More than a telescope that is read can have. -/
def parameterLimit : Nat := 4000

def instantiateAll : Expr → List Expr → Option Expr
  | e, [] => some e
  | .forallE _ _ body _, a :: rest => instantiateAll (body.instantiate1 a) rest
  | _, _ => none

mutual
/-- Whether the declared types occur in the type `e` plainly, if at all: as `Π ..., T params indices`, or in the
parameters of an inductive type that was there before.  `unfolded` says that `e` comes from such a type, with its
parameters put in: then it may be applied to them, as in `(fun _ => T) n`.  `seen` are the nested occurrences that
were looked into. -/
partial def plainType (block : Block) (unfolded : Bool) (e : Expr) (seen : List Expr) : Except String (List Expr) :=
  if !block.mentions e then .ok seen
  else match e with
    | .forallE _ domain body _ =>
      if block.mentions domain then .error "it occurs to the left of an arrow in its own constructor"
      else plainType block unfolded (body.instantiate1 anyLocal) seen
    | _ =>
      match e.getAppFn with
      | .const name levels => plainApp block unfolded name levels (argumentsOnto e []) seen
      | .lam .. =>
        if unfolded then plainType block unfolded e.headBeta seen
        else .error "it occurs in a term that has to be reduced"
      | _ => .error "it occurs in a term that is no type written out"

partial def plainApp (block : Block) (unfolded : Bool) (name : Name) (levels : List Level) (args : List Expr)
    (seen : List Expr) : Except String (List Expr) :=
  if memberName name block.names then
    if !sameLevels levels block.levels then .error "it occurs at other universe levels"
    else match afterParams block.params args with
      | none => .error "it occurs with other parameters"
      | some indices => if block.mentionsAny indices then .error "it occurs in an index of its own" else .ok seen
  else match block.env.find? name, args with
    | some (.inductInfo v), _ =>
      match splitAt v.numParams [] args with
      | none => .error ("it occurs in `" ++ name.toString ++ "` with too few parameters")
      | some (params, indices) =>
        if block.mentionsAny indices then .error ("it occurs in an index of `" ++ name.toString ++ "`")
        else
          -- Before its parameters: shared parts are walked through once.
          let occurrence := applied (.const name levels) params
          if memberExpr occurrence seen then .ok seen
          else if countExprs seen 0 ≥ nestedLimit then .error "it is nested in too many types"
          else match plainParams block unfolded params (occurrence :: seen) with
            | .ok seen => plainNested block levels params v.all seen
            | .error reason => .error reason
    | some (.defnInfo v), first :: others =>
      if isNote name && givesItsFirst v.value 0 && !block.mentionsAny others then plainType block unfolded first seen
      else .error ("it occurs behind the definition `" ++ name.toString ++ "`")
    | _, _ => .error ("it occurs in `" ++ name.toString ++ "`, which is no inductive type")

partial def plainParams (block : Block) (unfolded : Bool) : List Expr → List Expr → Except String (List Expr)
  | [], seen => .ok seen
  | e :: rest, seen =>
    if occurs isLocal e then .error "a type that it is nested in has a parameter of the constructor's own"
    else match plainParam block unfolded e seen with
      | .ok seen => plainParams block unfolded rest seen
      | .error reason => .error reason

/-- A parameter may also be a function to types: `fun n => T`. -/
partial def plainParam (block : Block) (unfolded : Bool) (e : Expr) (seen : List Expr) :
    Except String (List Expr) :=
  match e with
  | .lam _ domain body _ =>
    match plainType block unfolded domain seen with
    | .ok seen => plainParam block unfolded (body.instantiate1 anyLocal) seen
    | .error reason => .error reason
  | _ => plainType block unfolded e seen

/-- The constructors of the types that were declared with the one that is nested in, with its parameters put in:
an occurrence could hide there (`structure Box (F : Type → Type) (α : Type)` has a field of type `F α`). -/
partial def plainNested (block : Block) (levels : List Level) (params : List Expr) :
    List Name → List Expr → Except String (List Expr)
  | [], seen => .ok seen
  | name :: rest, seen =>
    match block.env.find? name with
    | some (.inductInfo v) =>
      let seen := applied (.const name levels) params :: seen
      match plainNestedCtors block levels params v.ctors seen with
      | .ok seen => plainNested block levels params rest seen
      | .error reason => .error reason
    | _ => .error ("there is no inductive type `" ++ name.toString ++ "`")

partial def plainNestedCtors (block : Block) (levels : List Level) (params : List Expr) :
    List Name → List Expr → Except String (List Expr)
  | [], seen => .ok seen
  | ctor :: rest, seen =>
    match block.env.find? ctor with
    | none => .error ("there is no constructor `" ++ ctor.toString ++ "`")
    | some info =>
      match instantiateAll (info.type.instantiateLevelParams info.levelParams levels) params with
      | none => .error ("`" ++ ctor.toString ++ "` has too few parameters")
      | some type =>
        match plainFields block true type 0 seen with
        | .error reason => .error reason
        | .ok (result, _, seen) =>
          match splitAt (countExprs params 0) [] (argumentsOnto result []) with
          | none => .error ("`" ++ ctor.toString ++ "` does not end in its type")
          | some (_, indices) =>
            if block.mentionsAny indices then .error ("it occurs in an index of `" ++ ctor.toString ++ "`")
            else plainNestedCtors block levels params rest seen

/-- Every field of a constructor; what comes after them, and how many there are beyond `n`. -/
partial def plainFields (block : Block) (unfolded : Bool) (type : Expr) (n : Nat) (seen : List Expr) :
    Except String (Expr × Nat × List Expr) :=
  match type with
  | .forallE _ domain body _ =>
    match plainType block unfolded domain seen with
    | .error reason => .error reason
    | .ok seen => plainFields block unfolded (body.instantiate1 anyLocal) (n + 1) seen
  | _ => .ok (type, n, seen)
end

/-! #### Declarations -/

/-- The fields of all constructors of the type `name`, counted. -/
partial def plainCtors (block : Block) (name : Name) : List Constructor → Nat → List Expr →
    Except String (Nat × List Expr)
  | [], fields, seen => .ok (fields, seen)
  | ctor :: rest, fields, seen =>
    match instantiateAll ctor.type block.params with
    | none => .error ("`" ++ ctor.name.toString ++ "` has too few parameters")
    | some type =>
      match plainFields block false type 0 seen with
      | .error reason => .error reason
      | .ok (result, n, seen) =>
        match result.getAppFn, afterParams block.params (argumentsOnto result []) with
        | .const made levels, some indices =>
          if made != name || !sameLevels levels block.levels || block.mentionsAny indices then
            .error ("`" ++ ctor.name.toString ++ "` does not end in its type written out")
          else plainCtors block name rest (fields + n) seen
        | _, _ => .error ("`" ++ ctor.name.toString ++ "` does not end in its type written out")

partial def plainTypes (block : Block) (arity : Nat) : List InductiveType → List Expr → Except String Unit
  | [], _ => .ok ()
  | type :: rest, seen =>
    match sortOf block.env type.type 0 0 with
    | none => .error "in which universe it lives has to be reduced for"
    | some (level, binders) =>
      if binders < arity then .error "it has too few parameters"
      else match plainCtors block type.name type.ctors 0 seen with
        | .error reason => .error reason
        | .ok (fields, seen) =>
          let isParam := match level with
            | .param _ => true
            | _ => false
          if level == .zero || neverZero level || (isParam && fields == 0) then plainTypes block arity rest seen
          else .error "whether it is a proposition depends on its universe parameters"

/-- Whether a type that is there says plainly whether it is a proposition. -/
def isPlainStructure (env : Environment) (name : Name) : Bool :=
  match env.find? name with
  | some (.inductInfo v) =>
    match sortOf env v.type 0 0 with
    | some (level, _) => level == .zero || neverZero level
    | none => false
  | _ => false

/-- Projections are of structures that the kernel cannot mistake for data or for a proposition. -/
def projectsPlainly (env : Environment) (e : Expr) : Bool :=
  !occurs (fun
    | .proj name _ _ => !isPlainStructure env name
    | _ => false) e

def usesReserved (e : Expr) : Bool :=
  occurs (fun
    | .const name _ => isReserved name
    | .proj name _ _ => isReserved name
    | _ => false) e

/-- What is wrong with a declaration, beyond what the kernel would say when it is declared. -/
inductive PlainFault where
  | kernel (e : KernelError)
  | shape (reason : String)

/-- How the kernel is asked. -/
abbrev AskKernel := Environment → Declaration → Except KernelError Environment

def scratch (kernel : AskKernel) (env : Environment) (levelParams : List Name) (name : Name) (type : Expr) :
    Except PlainFault Environment :=
  match kernel env (.axiomDecl { name, levelParams, type, isUnsafe := false }) with
  | .ok env => .ok env
  | .error e => .error (.kernel e)

def scratchCtor (kernel : AskKernel) (levelParams : List Name) (ctor : Constructor) (env : Environment) :
    Except PlainFault Environment :=
  match scratch kernel env levelParams ctor.name ctor.type with
  | .error fault => .error fault
  | .ok next =>
    if usesReserved ctor.type || isReserved ctor.name then
      .error (.shape "it uses a name that the kernel keeps for itself")
    else if !projectsPlainly env ctor.type then .error (.shape "it projects out of what is no plain structure")
    else .ok next

/-- All constructors one after the other in one environment, so that none has the name of another. -/
partial def scratchCtors (kernel : AskKernel) (levelParams : List Name) :
    List Constructor → Environment → Except PlainFault Environment
  | [], env => .ok env
  | ctor :: rest, env =>
    match scratchCtor kernel levelParams ctor env with
    | .ok env => scratchCtors kernel levelParams rest env
    | .error fault => .error fault

partial def scratchTypes (kernel : AskKernel) (levelParams : List Name) :
    List InductiveType → Environment → Except PlainFault Environment
  | [], env => .ok env
  | type :: rest, env =>
    if usesReserved type.type || isReserved type.name then
      .error (.shape "it uses a name that the kernel keeps for itself")
    else if !projectsPlainly env type.type then .error (.shape "it projects out of what is no plain structure")
    else match scratch kernel env levelParams type.name type.type with
      | .ok env => scratchTypes kernel levelParams rest env
      | .error fault => .error fault

partial def scratchAll (kernel : AskKernel) (levelParams : List Name) :
    List InductiveType → Environment → Except PlainFault Unit
  | [], _ => .ok ()
  | type :: rest, env =>
    match scratchCtors kernel levelParams type.ctors env with
    | .ok env => scratchAll kernel levelParams rest env
    | .error fault => .error fault

def typeNames : List InductiveType → List Name
  | [] => []
  | type :: rest => type.name :: typeNames rest

/-- Whether an inductive type is plain.

The kernel checks first that the types of the constructors have types, with axioms in place of the types that are
being declared and in an environment that is thrown away.  A concerned kernel does not do so by itself for the
parameters of types that they are nested in (lean4#14576): it only looks at what it makes of them. -/
def plainInductive (kernel : AskKernel) (env : Environment) (levelParams : List Name) (arity : Nat)
    (types : List InductiveType) : Except PlainFault Unit :=
  match scratchTypes kernel levelParams types env with
  | .error fault => .error fault
  | .ok withTypes =>
    match scratchAll kernel levelParams types withTypes with
    | .error fault => .error fault
    | .ok _ =>
      if arity > parameterLimit then .error (.shape "it has too many parameters") else
      let block := { env, names := typeNames types, levels := levelsOf levelParams, params := paramsFrom 0 arity }
      match plainTypes block arity types [] with
      | .ok _ => .ok ()
      | .error reason => .error (.shape reason)

/-- Of other declarations only projections matter, and those are looked at where expressions are read. -/
def plainForKernel (kernel : AskKernel) (env : Environment) : Declaration → Except PlainFault Unit
  | .inductDecl levelParams arity types _ => plainInductive kernel env levelParams arity types
  | _ => .ok ()

/-- Why a concerned kernel must not be given `decl`, if so. -/
def plainDecl (kernel : AskKernel) (env : Environment) (decl : Declaration) : Except PlainFault Unit :=
  if kernelIsConcerned then plainForKernel kernel env decl else .ok ()

/-- `said` is what to say when the kernel refused, and `name` that of the declaration. -/
def plainRefusal (said : KernelError → Refusal) (name : String) : PlainFault → Refusal
  | .kernel e => said e
  | .shape reason =>
    { status := "unsupported",
      reason := "`" ++ name ++ "` is not shown to this Lean's kernel, which has known holes: " ++ reason }
