/-
The first part of the worker.  `verifier/lean/source.py` puts all parts together in the order of its list, with
`import Lean`, a namespace and `main`, or a module's heading, around them.

They are written for a Lean that loads libraries without their private parts, as the embedded one does.  There a call
of an imported polymorphic function that the compiler would inline fails with "Unknown constant", so the few walks
over lists and arrays that are needed, and the table, stand here as functions of their own.  For the same reason no
definition has a `where`: what stands in one is private.
-/
/-! ### Walking lists, arrays and trees -/

def reverseOnto : List α → List α → List α
  | [], acc => acc
  | a :: rest, acc => reverseOnto rest (a :: acc)

def appendList : List α → List α → List α
  | [], acc => acc
  | a :: rest, acc => a :: appendList rest acc

def takeFirst : Nat → List α → List α
  | 0, _ => []
  | _, [] => []
  | n + 1, a :: rest => a :: takeFirst n rest

def countOf : List α → Nat
  | [] => 0
  | _ :: rest => countOf rest + 1

/-- The elements from index `i` on, last first, in front of `acc`. -/
partial def arrayOnto (xs : Array α) (i : Nat) (acc : List α) : List α :=
  if h : i < xs.size then arrayOnto xs (i + 1) (xs[i] :: acc) else acc

/-- Whether `name` is among those from index `i` on. -/
partial def arrayHas (names : Array Name) (name : Name) (i : Nat) : Bool :=
  if h : i < names.size then names[i] == name || arrayHas names name (i + 1) else false

mutual
partial def treeNodeOnto : PersistentArrayNode InfoTree → List InfoTree → List InfoTree
  | .leaf trees, acc => arrayOnto trees 0 acc
  | .node nodes, acc => treeNodesOnto nodes 0 acc

partial def treeNodesOnto (nodes : Array (PersistentArrayNode InfoTree)) (i : Nat) (acc : List InfoTree) :
    List InfoTree :=
  if h : i < nodes.size then treeNodesOnto nodes (i + 1) (treeNodeOnto nodes[i] acc) else acc
end

/-- All trees, last first. -/
def treesOf (trees : PersistentArray InfoTree) : List InfoTree :=
  arrayOnto trees.tail 0 (treeNodeOnto trees.root [])

def memberName (name : Name) : List Name → Bool
  | [] => false
  | n :: rest => n == name || memberName name rest

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

/-! ### A table: which number a key has -/

/-- Hashing with chains; `count` is also the number the next new key gets.

It is what an export spends its time on: specialised, because calls through an instance are slow when
interpreted, and with places as `USize`, because a hash as `Nat` would be a big number. -/
structure Table (α : Type) where
  buckets : Array (List (α × Nat))
  count : Nat

partial def pushEmpty (n : Nat) (buckets : Array (List (α × Nat))) : Array (List (α × Nat)) :=
  if n == 0 then buckets else pushEmpty (n - 1) (buckets.push [])

def newTable : Table α := { buckets := pushEmpty 64 #[], count := 0 }

def chainAt (buckets : Array (List (α × Nat))) (i : Nat) : List (α × Nat) :=
  if h : i < buckets.size then buckets[i] else []

@[specialize] def findInChain [BEq α] (key : α) : List (α × Nat) → Option Nat
  | [] => none
  | (k, n) :: rest => if k == key then some n else findInChain key rest

@[inline] def placeIn [Hashable α] (buckets : Array (List (α × Nat))) (key : α) : Nat :=
  ((hash key).toUSize % buckets.usize).toNat

@[specialize] def Table.find? [BEq α] [Hashable α] (table : Table α) (key : α) : Option Nat :=
  findInChain key (chainAt table.buckets (placeIn table.buckets key))

@[specialize] def chainsOnto [Hashable α] : List (α × Nat) → Array (List (α × Nat)) → Array (List (α × Nat))
  | [], buckets => buckets
  | (k, n) :: rest, buckets =>
    let i := placeIn buckets k
    chainsOnto rest (buckets.set! i ((k, n) :: chainAt buckets i))

@[specialize] partial def rehash [Hashable α] (old : Array (List (α × Nat))) (i : Nat) (new : Array (List (α × Nat))) :
    Array (List (α × Nat)) :=
  if h : i < old.size then rehash old (i + 1) (chainsOnto old[i] new) else new

/-- Give `key`, which the table lacks, the next number. -/
@[specialize] def Table.insert [Hashable α] (table : Table α) (key : α) : Table α :=
  let { buckets, count } := table
  let buckets := if count > buckets.size then rehash buckets 0 (pushEmpty (4 * buckets.size) #[]) else buckets
  let i := placeIn buckets key
  let chain := chainAt buckets i
  { buckets := buckets.set! i ((key, count) :: chain), count := count + 1 }
