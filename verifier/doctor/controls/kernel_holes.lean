--! statement: theorem t (a b : Nat) : a + b = b + a

--! id: enumeration
inductive Color where | red | green | blue
def Color.next : Color → Color
  | .red => .green | .green => .blue | .blue => .red
theorem next_next (c : Color) : c.next.next.next = c := by cases c <;> rfl
theorem t (a b : Nat) : a + b = b + a := by have := next_next .red; omega

--! id: recursive
inductive Tree (α : Type u) where | leaf | node (l : Tree α) (x : α) (r : Tree α)
def Tree.size : Tree α → Nat
  | .leaf => 0 | .node l _ r => l.size + r.size + 1
def Tree.mirror : Tree α → Tree α
  | .leaf => .leaf | .node l x r => .node r.mirror x l.mirror
theorem size_mirror (s : Tree α) : s.mirror.size = s.size := by
  induction s with
  | leaf => rfl
  | node l x r hl hr => simp only [Tree.mirror, Tree.size, hl, hr]; omega
theorem t (a b : Nat) : a + b = b + a := by have := size_mirror (.node .leaf a .leaf); omega

--! id: nested-in-list
inductive Rose (α : Type u) where | rose (x : α) (children : List (Rose α))
mutual
def Rose.size : Rose α → Nat | .rose _ cs => sizes cs + 1
def sizes : List (Rose α) → Nat | [] => 0 | c :: cs => c.size + sizes cs
end
theorem size_pos (r : Rose α) : 0 < r.size := by cases r; simp only [Rose.size]; omega
theorem t (a b : Nat) : a + b = b + a := by have := size_pos (.rose a []); omega

--! id: nested-in-array
inductive Trie where | trie (label : Nat) (children : Array Trie)
def Trie.label : Trie → Nat | .trie n _ => n
theorem label_eq (n : Nat) : (Trie.trie n #[]).label = n := rfl
theorem t (a b : Nat) : a + b = b + a := by have := label_eq a; omega

--! id: nested-in-option
inductive Chain where | link (n : Nat) (next : Option Chain)
def Chain.first : Chain → Nat | .link n _ => n
theorem first_eq (n : Nat) (c : Option Chain) : (Chain.link n c).first = n := rfl
theorem t (a b : Nat) : a + b = b + a := by have := first_eq a none; omega

--! id: nested-in-product
inductive Pairs where | stop | pair (both : Pairs × Pairs)
def Pairs.stops : Pairs → Bool | .stop => true | .pair _ => false
theorem stops (p : Pairs × Pairs) : (Pairs.pair p).stops = false := rfl
theorem t (a b : Nat) : a + b = b + a := by have := stops (.stop, .stop); omega

--! id: nested-twice
inductive Json where
  | num (n : Nat) | arr (items : Array Json) | obj (fields : List (String × Option Json))
def Json.isNum : Json → Bool | .num _ => true | _ => false
theorem isNum (n : Nat) : (Json.num n).isNum := rfl
theorem t (a b : Nat) : a + b = b + a := by have := isNum a; omega

--! id: nested-in-its-own
inductive Box (α : Type u) where | box (x : α) (more : List α)
inductive Doll where | solid | hollow (inner : Box Doll)
def Doll.isSolid : Doll → Bool | .solid => true | .hollow _ => false
theorem solid : Doll.solid.isSolid := rfl
theorem t (a b : Nat) : a + b = b + a := by have := solid; omega

--! id: nested-in-a-family
inductive Vect (α : Type u) : Nat → Type u where
  | nil : Vect α 0 | cons (x : α) (xs : Vect α n) : Vect α (n + 1)
inductive Bush where | bush (n : Nat) (shoots : Vect Bush 3)
def Bush.label : Bush → Nat | .bush n _ => n
theorem label_eq (n : Nat) (v : Vect Bush 3) : (Bush.bush n v).label = n := rfl
theorem t (a b : Nat) : a + b = b + a := by have := @label_eq a; omega

--! id: nested-under-an-arrow
inductive Game where | game (moves : Nat → Option (Bool → Game))
def Game.play : Game → Nat → Bool | .game f, n => (f n).isSome
theorem play_none (n : Nat) : (Game.game fun _ => none).play n = false := rfl
theorem t (a b : Nat) : a + b = b + a := by have := play_none a; omega

--! id: nested-in-a-sigma
inductive Wide where | wide (w : (n : Nat) × (Fin n → Wide))
def Wide.width : Wide → Nat | .wide ⟨n, _⟩ => n
theorem width_eq (n : Nat) (f : Fin n → Wide) : (Wide.wide ⟨n, f⟩).width = n := rfl
theorem t (a b : Nat) : a + b = b + a := by have := @width_eq a; omega

--! id: mutual
mutual
inductive Even : Nat → Prop where | zero : Even 0 | succ : Odd n → Even (n + 1)
inductive Odd : Nat → Prop where | succ : Even n → Odd (n + 1)
end
theorem odd_one : Odd 1 := .succ .zero
theorem t (a b : Nat) : a + b = b + a := by have := odd_one; omega

--! id: mutual-and-nested
mutual
inductive Term where | var (n : Nat) | call (f : Fn) (args : List Term)
inductive Fn where | fn (name : String) (body : Option Term)
end
def Term.isVar : Term → Bool | .var _ => true | .call .. => false
theorem isVar (n : Nat) : (Term.var n).isVar := rfl
theorem t (a b : Nat) : a + b = b + a := by have := isVar a; omega

--! id: indexed
inductive Vect (α : Type u) : Nat → Type u where
  | nil : Vect α 0
  | cons (x : α) (xs : Vect α n) : Vect α (n + 1)
def Vect.head : Vect α (n + 1) → α | .cons x _ => x
theorem head_eq (x : α) (xs : Vect α n) : (Vect.cons x xs).head = x := rfl
theorem t (a b : Nat) : a + b = b + a := by have := head_eq a .nil; omega

--! id: indexed-by-itself
inductive Ty where | nat | fn (a b : Ty)
inductive Tm : List Ty → Ty → Type where
  | lit (n : Nat) : Tm ctx .nat
  | lam (body : Tm (a :: ctx) b) : Tm ctx (.fn a b)
  | app (f : Tm ctx (.fn a b)) (x : Tm ctx a) : Tm ctx b
def Tm.size : Tm ctx a → Nat | .lit _ => 1 | .lam b => b.size + 1 | .app f x => f.size + x.size
theorem size_lit (n : Nat) : (Tm.lit n : Tm [] .nat).size = 1 := by simp only [Tm.size]
theorem t (a b : Nat) : a + b = b + a := by have := size_lit a; omega

--! id: reflexive
inductive Ordinal where | zero | succ (o : Ordinal) | limit (f : Nat → Ordinal)
def Ordinal.plusOne : Ordinal → Ordinal | o => .succ o
theorem plusOne (o : Ordinal) : o.plusOne = .succ o := rfl
theorem t (a b : Nat) : a + b = b + a := by have := plusOne (.limit fun _ => .zero); omega

--! id: universe-polymorphic
inductive W (α : Type u) (β : α → Type v) : Type (max u v) where | sup (a : α) (f : β a → W α β)
theorem sup_inj {α : Type u} {β : α → Type v} {a : α} {f g : β a → W α β} (h : W.sup a f = W.sup a g) :
    f = g := by injection h
theorem t (a b : Nat) : a + b = b + a := by have := @sup_inj Nat (fun _ => Empty) a; omega

--! id: universe-of-a-sort
structure Both (α : Sort u) (β : Sort v) where
  left : α
  right : β
inductive Hidden : Prop where | hide (α : Type) (x : α)
theorem hidden : Hidden := .hide Nat 0
theorem t (a b : Nat) : a + b = b + a := by have := (Both.mk hidden a).left; omega

--! id: structure-extends
structure Point where
  x : Nat
  y : Nat
structure Point3 extends Point where
  z : Nat
structure Named (α : Type u) extends Point3 where
  name : α
theorem eta (p : Named String) : { p with } = p := rfl
theorem t (a b : Nat) : a + b = b + a := by have := eta ⟨⟨⟨a, b⟩, a⟩, "p"⟩; omega

--! id: structure-recursive
structure Person where
  name : String
  friends : List Person
  boss : Option Person := none
theorem name_eq (n : String) (fs : List Person) : (Person.mk n fs none).name = n := rfl
theorem t (a b : Nat) : a + b = b + a := by have := name_eq "x" []; omega

--! id: class
class Monoid' (α : Type u) extends Mul α where
  one : α
  one_mul : ∀ x : α, one * x = x
instance : Monoid' Nat := { one := 1, one_mul := Nat.one_mul }
theorem one_mul' [Monoid' α] (x : α) : Monoid'.one * x = x := Monoid'.one_mul x
theorem t (a b : Nat) : a + b = b + a := by have := one_mul' a; omega

--! id: class-with-an-output
class Container (γ : Type u) (α : outParam (Type v)) where
  empty : γ
  insert : α → γ → γ
instance : Container (List Nat) Nat := ⟨[], List.cons⟩
theorem inserted (n : Nat) : Container.insert n (Container.empty : List Nat) = [n] := rfl
theorem t (a b : Nat) : a + b = b + a := by have := inserted a; omega

--! id: predicate
inductive Reach (step : α → α → Prop) (a : α) : α → Prop where
  | here : Reach step a a
  | there : Reach step a b → step b c → Reach step a c
theorem Reach.trans {step : α → α → Prop} (h : Reach step a b) (k : Reach step b c) : Reach step a c := by
  induction k with
  | here => exact h
  | there _ s ih => exact .there ih s
theorem t (a b : Nat) : a + b = b + a := by have := (Reach.here (step := Nat.lt) (a := a)).trans .here; omega

--! id: predicate-nested
inductive Deep : Prop where | base (h : True) | deep (h : Deep ∧ (Deep ∨ False))
theorem deep : Deep := .deep ⟨.base trivial, .inl (.base trivial)⟩
theorem t (a b : Nat) : a + b = b + a := by have := deep; omega

--! id: predicate-over-a-set
def Set' (α : Type u) := α → Prop
inductive Closed (s : Set' Nat) : Set' Nat where
  | base : s n → Closed s n | add : Closed s m → Closed s n → Closed s (m + n)
theorem closed (s : Set' Nat) (h : s 1) : Closed s (1 + 1) := .add (.base h) (.base h)
theorem t (a b : Nat) : a + b = b + a := by have := closed (fun _ => True) trivial; omega

--! id: well-founded-recursion
inductive Tree where | leaf (n : Nat) | node (children : List Tree)
def Tree.sum : Tree → Nat
  | .leaf n => n
  | .node cs => (cs.attach.map fun ⟨c, _⟩ => c.sum).foldl (· + ·) 0
def log (n : Nat) : Nat := if h : n < 2 then 0 else log (n / 2) + 1
termination_by n
theorem log_one : log 1 = 0 := by unfold log; rfl
theorem sum_leaf (n : Nat) : (Tree.leaf n).sum = n := by simp only [Tree.sum]
theorem t (a b : Nat) : a + b = b + a := by have := log_one; have := sum_leaf a; omega

--! id: accessibility
inductive Good (r : α → α → Prop) : α → Prop where | intro (h : ∀ y, r y x → Good r y) : Good r x
theorem good_zero : Good Nat.lt 0 := .intro fun _ h => nomatch h
theorem t (a b : Nat) : a + b = b + a := by have := good_zero; omega

--! id: empty-and-unit-in-every-universe
inductive Never : Type u
inductive Single : Sort (max 1 u) where | only
theorem never (h : Never) : False := nomatch h
theorem single (x y : Single.{u}) : x = y := by cases x; cases y; rfl
theorem t (a b : Nat) : a + b = b + a := by have := single.{0} .only .only; omega

--! id: subtype-of-itself
inductive Small where | small (n : { k : Nat // k < 10 }) (more : Option Small)
theorem small_inj (m n : { k : Nat // k < 10 }) (h : Small.small m none = .small n none) : m = n := by injection h
theorem t (a b : Nat) : a + b = b + a := by have := small_inj ⟨1, by decide⟩; omega

--! id: default-and-automatic-fields
structure Range where
  lo : Nat := 0
  hi : Nat
  ok : lo ≤ hi := by omega
inductive Log where | log (r : Range) (size : Nat := 0) (rest : List Log)
theorem lo_eq (n : Nat) : ({ hi := n } : Range).lo = 0 := rfl
theorem logged (r : Range) : Log.log r (rest := []) = Log.log r 0 [] := rfl
theorem t (a b : Nat) : a + b = b + a := by have := lo_eq a; have := logged { hi := b }; omega

--! id: projections-of-a-family
structure Fam (f : Nat → Type u) (n : Nat) where
  val : f n
  idx : Fin (n + 1)
theorem val_eq (x : f n) (i : Fin (n + 1)) : (Fam.mk x i : Fam f n).val = x := rfl
theorem t (a b : Nat) : a + b = b + a := by have := (Fam.mk (f := fun _ => Nat) (n := 1) a 0).val; omega

--! id: quotient
inductive Rel : Nat → Nat → Prop where | same (n : Nat) : Rel n (n + 2)
def Parity := Quot Rel
theorem same (n : Nat) : (Quot.mk Rel n : Parity) = Quot.mk Rel (n + 2) := Quot.sound (.same n)
theorem t (a b : Nat) : a + b = b + a := by have := same a; omega

--! id: deriving
inductive Suit where | hearts | spades deriving DecidableEq, Repr, BEq
inductive Expr' where | lit (n : Nat) | add (a b : Expr') deriving DecidableEq, Inhabited
theorem suits : Suit.hearts ≠ Suit.spades := by decide
theorem lits : Expr'.lit 1 ≠ .lit 2 := by decide
theorem t (a b : Nat) : a + b = b + a := by have := suits; have := lits; omega

--! id: thunk-and-task
inductive Stream' (α : Type u) where | cons (x : α) (rest : Thunk (Stream' α))
def Stream'.head : Stream' α → α | .cons x _ => x
theorem head_eq (x : α) (s : Thunk (Stream' α)) : (Stream'.cons x s).head = x := rfl
theorem t (a b : Nat) : a + b = b + a := by have := @head_eq Nat a; omega
