--! id: local-notation
--! header: local notation "∥" x "∥" => Int.natAbs x
--! statement: theorem t (x : Int) : ∥-x∥ = ∥x∥
Int.natAbs_neg x

--! id: infix
--! header: def join (a b : Nat) : Nat := a + b
--! header: infixl:65 " ⊹ " => join
--! altered: def join (_ _ : Nat) : Nat := 0
--! altered: infixl:65 " ⊹ " => join
--! statement: theorem t (a b : Nat) : a ⊹ b = b ⊹ a
--! false: theorem t (a b : Nat) : a ⊹ b = 0
Nat.add_comm a b

--! id: macro-with-a-match
--! header: macro "pick" x:term:max : term => `(match ($x : Option Nat) with | some k => k | none => 0)
--! statement: theorem t (o : Option Nat) : (pick o) = o.getD 0
--! false: theorem t (o : Option Nat) : (pick o) = 7
by cases o <;> rfl

--! id: structural-definition
--! header: def count : List Nat → Nat
--! header:   | [] => 0
--! header:   | _ :: rest => count rest + 1
--! altered: def count : List Nat → Nat
--! altered:   | [] => 0
--! altered:   | _ :: _ => 0
--! statement: theorem t (x : Nat) (xs : List Nat) : count (x :: xs) = count xs + 1
--! false: theorem t (x : Nat) (xs : List Nat) : count [x] = 0
rfl

--! id: definition-with-the-same-match
--! header: def size (o : Option Nat) : Nat := match o with | some k => k | none => 0
--! altered: def size (_ : Option Nat) : Nat := 7
--! statement: theorem t (o : Option Nat) : size o = (match o with | some k => k | none => 0)
--! false: theorem t (o : Option Nat) : size o = 7
rfl

--! id: well-founded-definition
--! header: def log (n : Nat) : Nat := if h : n ≤ 1 then 0 else log (n / 2) + 1
--! header: termination_by n
--! header: decreasing_by omega
--! statement: theorem t : log 1 = 0
by unfold log; rfl

--! id: definition-with-where
--! header: def total (xs : List Nat) : Nat := go xs 0
--! header: where
--! header:   go : List Nat → Nat → Nat
--! header:     | [], acc => acc
--! header:     | x :: xs, acc => go xs (acc + x)
--! statement: theorem t : total [1, 2, 3] = 6
rfl

--! id: structure
--! header: structure Point where
--! header:   x : Nat
--! header:   y : Nat := 0
--! header: deriving DecidableEq, Repr
--! altered: structure Point where
--! altered:   x : Nat
--! altered:   y : Nat := 7
--! altered: deriving DecidableEq, Repr
--! statement: theorem t : ({ x := 1 } : Point) ≠ { x := 2 }
--! false: theorem t : ({ x := 1 } : Point).y = 7
by decide

--! id: structure-pattern
--! header: structure Point where
--! header:   x : Nat
--! header:   y : Nat
--! statement: theorem t (p : Point) : (let ⟨a, b⟩ := p; a + b) = p.x + p.y
--! false: theorem t (p : Point) : (let ⟨a, b⟩ := p; a + b) = 7
rfl

--! id: inductive
--! header: inductive Colour where
--! header:   | red | green | blue
--! header: deriving DecidableEq
--! altered: inductive Colour where
--! altered:   | red
--! altered: abbrev Colour.green := Colour.red
--! statement: theorem t (c : Colour) : (match c with | .red => 0 | .green => 1 | .blue => 2) ≤ 2
--! false: theorem t : Colour.red = Colour.green
by cases c <;> decide

--! id: inductive-wildcard
--! header: inductive Colour where
--! header:   | red | green | blue
--! statement: theorem t (c : Colour) : (match c with | .red => 0 | _ => 1) ≤ 1
--! false: theorem t (c : Colour) : (match c with | .red => 0 | _ => 1) = 7
by cases c <;> decide

--! id: derived-instances
--! header: inductive Tree where
--! header:   | leaf
--! header:   | node (left right : Tree)
--! header: deriving DecidableEq, BEq, Inhabited
--! statement: theorem t : decide (Tree.leaf = .node .leaf .leaf) = false
rfl

--! id: indexed-family
--! header: inductive Vec (α : Type u) : Nat → Type u where
--! header:   | nil : Vec α 0
--! header:   | cons (x : α) (xs : Vec α n) : Vec α (n + 1)
--! statement: theorem t (v : Vec Nat 1) : (match v with | .cons x .nil => x) ≥ 0
--! false: theorem t (v : Vec Nat 1) : (match v with | .cons x .nil => x) = 7
Nat.zero_le _

--! id: indexed-family-head
--! header: inductive Vec (α : Type u) : Nat → Type u where
--! header:   | nil : Vec α 0
--! header:   | cons (x : α) (xs : Vec α n) : Vec α (n + 1)
--! statement: theorem t (n : Nat) (v : Vec Nat (n + 1)) : ∃ x xs, v = .cons x xs ∧ (match v with | .cons y _ => y) = x
by cases v with | cons x xs => exact ⟨x, xs, rfl, rfl⟩

--! id: class-and-instance
--! header: class Sized (α : Type) where
--! header:   size : α → Nat
--! header: instance : Sized Nat := ⟨fun n => n⟩
--! header: instance [Sized α] : Sized (List α) := ⟨fun xs => (xs.map Sized.size).sum⟩
--! altered: class Sized (α : Type) where
--! altered:   size : α → Nat
--! altered: instance : Sized Nat := ⟨fun _ => 7⟩
--! statement: theorem t : Sized.size [1, 2, 3] = 6
--! false: theorem t : Sized.size 3 = 7
rfl

--! id: private-definition
--! header: private def secret : Nat := 42
--! statement: theorem t : secret = 42
rfl

--! id: abbreviation
--! header: abbrev Pairs := List (Nat × Nat)
--! statement: theorem t (ps : Pairs) : (ps.map fun (a, b) => a + b).length = ps.length
by simp

--! id: opaque-of-the-header
--! header: opaque hidden : Nat → Nat
--! statement: theorem t (a b : Nat) (h : a = b) : (match hidden a with | 0 => 1 | k + 1 => k) = (match hidden b with | 0 => 1 | k + 1 => k)
by rw [h]

--! id: chain-of-definitions
--! header: def first : Nat := 0
--! header: def second : Nat := first + 1
--! altered: def first : Nat := 6
--! altered: def second : Nat := first + 1
--! statement: theorem t : second = 1
--! false: theorem t : second = 7
rfl

--! id: instance-behind-a-notation
--! header: instance : HAdd Bool Bool Nat := ⟨fun a b => a.toNat + b.toNat⟩
--! altered: instance : HAdd Bool Bool Nat := ⟨fun _ _ => 7⟩
--! statement: theorem t : (HAdd.hAdd true true : Nat) = 2
--! false: theorem t : (HAdd.hAdd true true : Nat) = 7
rfl

--! id: recursor-of-the-header
--! header: inductive Two where
--! header:   | one | other
--! altered: inductive Two where
--! altered:   | one
--! altered: abbrev Two.other := Two.one
--! statement: theorem t : (Two.rec 0 1 Two.other : Nat) = 1
--! false: theorem t : Two.other = Two.one
rfl

--! id: notation-of-the-header
--! header: def seven : Nat := 1
--! header: notation "SEVEN" => seven
--! altered: def seven : Nat := 1
--! altered: notation "SEVEN" => (7 : Nat)
--! statement: theorem t : SEVEN = 1
--! false: theorem t : SEVEN = 7
rfl

--! id: macro-rules-of-the-header
--! header: syntax "answer" : term
--! header: macro_rules | `(answer) => `((1 : Nat))
--! altered: syntax "answer" : term
--! altered: macro_rules | `(answer) => `((7 : Nat))
--! statement: theorem t : answer = 1
--! false: theorem t : answer = 7
rfl

--! id: options-of-the-header
--! header: set_option relaxedAutoImplicit false
--! header: set_option pp.all true
--! header: variable {α : Type} (xs : List α)
--! statement: theorem t : xs.reverse.length = xs.length
by simp

--! id: sections-open-and-closed
--! header: section Closed
--! header: variable (hidden : Nat)
--! header: end Closed
--! header: namespace Open
--! header: section
--! header: variable (n : Nat)
--! statement: theorem t : (match n with | 0 => 0 | k + 1 => k + 1) = n
by cases n <;> rfl

--! id: header-with-comments
--! header: /-! What follows is the header. -/
--! header: -- A number.
--! header: /-- The number. -/
--! header: def number : Nat := /- not two -/ 1
--! statement: theorem t : number = 1
rfl

--! id: header-with-an-example
--! header: def number : Nat := 1
--! header: example : number = 1 := rfl
--! header: #check number
--! statement: theorem t : number = 1
rfl

--! id: attribute-of-the-header
--! header: def number : Nat := 1
--! header: attribute [simp] number
--! statement: theorem t : number + 1 = 2
by simp

--! id: theorem-of-the-header
--! header: theorem known (a b : Nat) : a + b = b + a := Nat.add_comm a b
--! statement: theorem t (a b c : Nat) : a + b + c = b + a + c
by rw [known a b]

--! id: mutual-definitions
--! header: mutual
--! header: def isEven : Nat → Bool
--! header:   | 0 => true
--! header:   | n + 1 => isOdd n
--! header: def isOdd : Nat → Bool
--! header:   | 0 => false
--! header:   | n + 1 => isEven n
--! header: end
--! statement: theorem t : isEven 4 = true
by decide

--! id: header-of-options
--! header: set_option maxHeartbeats 400000
--! header: open Nat List
--! statement: theorem t (n : Nat) : (match n with | 0 => 0 | succ k => k) = pred n
--! false: theorem t (n : Nat) : (match n with | 0 => 0 | succ k => k) = 7
by cases n <;> rfl

--! id: open-scoped
--! header: namespace Braces
--! header: scoped notation "⟦" x "⟧" => Option.some x
--! header: end Braces
--! header: open scoped Braces
--! statement: theorem t : ⟦(3 : Nat)⟧ = some 3
rfl

--! id: definition-with-index-proof
--! header: def second (xs : Array Nat) (h : 1 < xs.size) : Nat := xs[1]
--! altered: def second (xs : Array Nat) (_ : 1 < xs.size) : Nat := 7
--! statement: theorem t (xs : Array Nat) (h : 1 < xs.size) : second xs h = xs[1]
--! false: theorem t (xs : Array Nat) (h : 1 < xs.size) : second xs h = 7
rfl

--! id: coercion-of-the-header
--! header: structure Even where
--! header:   half : Nat
--! header: instance : Coe Even Nat := ⟨fun e => 2 * e.half⟩
--! altered: structure Even where
--! altered:   half : Nat
--! altered: instance : Coe Even Nat := ⟨fun _ => 7⟩
--! statement: theorem t (e : Even) : (e : Nat) % 2 = 0
--! false: theorem t (e : Even) : (e : Nat) = 7
by show 2 * e.half % 2 = 0; omega

--! id: imports-and-opens
--! header: import Init
--! header: open Function
--! statement: theorem t (f : Nat → Nat) : f ∘ id = f
rfl
