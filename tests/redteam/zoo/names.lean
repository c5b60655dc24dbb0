--! id: universe-explicit
--! statement: theorem t.{v, u} {α : Type u} {β : Type v} (f : α → β) (x : α) : id (f x) = f x
rfl

--! id: universe-of-the-header
--! header: universe u v
--! statement: theorem t {α : Sort u} {β : Sort v} (f : α → β) : (fun x => f x) = f
rfl

--! id: universe-auto
--! statement: theorem t {α : Type w} (xs : List α) : xs ++ [] = xs
List.append_nil xs

--! id: sort-underscore
--! statement: theorem t {α : Sort _} (x : α) : x = x
rfl

--! id: type-underscore
--! statement: theorem t {α : Type _} {β : Type _} (x : α × β) : (x.1, x.2) = x
rfl

--! id: type-star
--! header: macro "Type*" : term => `(Type _)
--! statement: theorem t {α : Type*} {β : Type*} (p : α × β) : (match p with | (a, b) => (b, a)) = p.swap
rfl

--! id: universe-max
--! statement: theorem t (α : Type u) (β : Type v) (x : ULift.{max u v} α) : ULift.up x.down = x
rfl

--! id: universe-order
--! statement: theorem t {α : Type u} {β : Type v} (f : α → β) (xs : List α) : (xs.map f).length = xs.length
--! helper: universe v u
by simp

--! id: universe-order-of-the-header
--! header: universe v u
--! statement: theorem t {α : Type u} {β : Type v} (f : α → β) (xs : List α) : (xs.map f).length = xs.length
by simp

--! id: protected-theorem
--! statement: protected theorem Nat.zoo.t (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
by cases n <;> rfl

--! id: private-theorem
--! statement: private theorem t (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
by cases n <;> rfl

--! id: name-in-a-namespace-and-dotted
--! header: namespace Zoo
--! statement: theorem Cage.t (b : Bool) : (match b with | true => 1 | false => 1) = 1
--! false: theorem Cage.t (b : Bool) : (match b with | true => 1 | false => 1) = 7
by cases b <;> rfl

--! id: match-over-universes
--! statement: theorem t {α : Type u} (o : Option α) (d : α) : (match o with | some a => a | none => d) = o.getD d
--! helper: def orElse' {α : Type u} (o : Option α) (d : α) : α := match o with | some a => a | none => d
by cases o <;> rfl

--! id: auto-bound-implicit
--! header: set_option autoImplicit true
--! statement: theorem t (xs : List α) : xs.length = xs.reverse.length
by simp

--! id: auto-bound-index
--! header: set_option autoImplicit true
--! statement: theorem t (v : Vector α n) : v.toArray.size = n
v.size_toArray

--! id: variables
--! header: variable (n m : Nat) {α : Type} [Inhabited α]
--! statement: theorem t : n + m = m + n
Nat.add_comm n m

--! id: variable-of-a-match
--! header: variable (o : Option Nat)
--! statement: theorem t : (match o with | some k => k + 1 | none => 1) ≠ 0
--! false: theorem t : (match o with | some k => k + 1 | none => 1) = 7
by cases o <;> simp

--! id: section-of-the-header
--! header: section
--! header: variable (p : Prop)
--! statement: theorem t (h : p) : p ∧ p
⟨h, h⟩

--! id: namespace-of-the-header
--! header: namespace Zoo
--! header: def twice (x : Nat) : Nat := x + x
--! statement: theorem t (x : Nat) : (match twice x with | 0 => 0 | k + 1 => k + 1) = x + x
--! false: theorem t (x : Nat) : (match twice x with | 0 => 0 | k + 1 => k + 1) = 7
by unfold twice; cases x <;> rfl

--! id: namespace-inside-a-namespace
--! header: namespace Zoo
--! header: namespace Cage
--! header: def one : Nat := 1
--! statement: theorem t : one = 1
rfl

--! id: open-in
--! statement: open Nat in
--! statement: theorem t (n : Nat) : succ n ≠ 0
Nat.succ_ne_zero n

--! id: set-option-in
--! statement: set_option maxRecDepth 2000 in
--! statement: theorem t (n : Nat) : (match n with | 0 => 1 | _ => 1) = 1
--! false: set_option maxRecDepth 2000 in
--! false: theorem t (n : Nat) : (match n with | 0 => 1 | _ => 2) = 7
by cases n <;> rfl

--! id: dotted-name
--! statement: theorem Nat.zoo.t (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
--! false: theorem Nat.zoo.t (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = 7
by cases n <;> rfl

--! id: root-name
--! header: namespace Zoo
--! statement: theorem _root_.t (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
by cases n <;> rfl

--! id: quoted-name
--! statement: theorem «t with spaces» (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
--! false: theorem «t with spaces» (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = 7
by cases n <;> rfl

--! id: quoted-dot
--! statement: theorem «t.x» (b : Bool) : (match b with | true => 1 | false => 1) = 1
--! false: theorem «t.x» (b : Bool) : (match b with | true => 1 | false => 1) = 7
by cases b <;> rfl

--! id: unicode-name
--! statement: theorem τ₁' (b : Bool) : (match b with | true => 1 | false => 1) = 1
--! false: theorem τ₁' (b : Bool) : (match b with | true => 1 | false => 1) = 7
by cases b <;> rfl

--! id: name-of-an-auxiliary
--! statement: theorem t.match_1 (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
--! false: theorem t.match_1 (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = 7
by cases n <;> rfl

--! id: attribute-simp
--! statement: @[simp] theorem t (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
by cases n <;> rfl

--! id: doc-comment
--! statement: /-- What it says. -/
--! statement: theorem t (b : Bool) : (match b with | true => 1 | false => 1) = 1
by cases b <;> rfl

--! id: binder-forms
--! statement: theorem t {a : Nat} ⦃b : Nat⦄ (c : Nat := 3) [Inhabited Nat] (h : a = b ∧ b = c) : a = c
h.1.trans h.2

--! id: binder-groups
--! statement: theorem t : ∀ {p q : Prop} (_ : p) (_ : q), p ∧ q
fun hp hq => ⟨hp, hq⟩

--! id: binder-patterns
--! statement: theorem t : ∀ n m : Nat, ∀ (_ : n < m), ∃ k > 0, n + k = m
fun n m h => ⟨m - n, by omega, by omega⟩

--! id: sigma
--! statement: theorem t : ∃ s : (Σ n : Nat, Fin (n + 1)), s.1 = 3
⟨⟨3, 0⟩, rfl⟩

--! id: psigma-with-a-proof
--! statement: theorem t : ∃ s : (Σ' n : Nat, n > 2), s.1 = 3
⟨⟨3, by decide⟩, rfl⟩

--! id: set-like-lambda
--! statement: theorem t : (fun n : Nat => n < 3) 2
by show 2 < 3; decide

--! id: subtype
--! statement: theorem t (x : { n : Nat // n > 2 }) : x.val ≠ 0
by have := x.property; omega

--! id: subtype-pattern
--! statement: theorem t (x : { n : Nat // n > 2 }) : (match x with | ⟨n, _⟩ => n) = x.val
--! false: theorem t (x : { n : Nat // n > 2 }) : (match x with | ⟨n, _⟩ => n) = 7
rfl

--! id: coercions
--! statement: theorem t (n : Nat) (i : Fin n) : (i : Nat) < n ∧ ((n : Int) = n)
⟨i.isLt, rfl⟩

--! id: numerals
--! statement: theorem t : 0xff + 0b11 + 1_000 = (1258 : Nat)
rfl

--! id: decimals
--! statement: theorem t : (1.5 : Float) = 1.5
rfl

--! id: large-numeral
--! statement: theorem t : (100000000000000000000 : Nat) - 99999999999999999999 = 1
rfl

--! id: negative-numeral
--! statement: theorem t : (-3 : Int) + 5 = 2
rfl

--! id: char-literal
--! statement: theorem t : 'a'.toNat = 97
rfl

--! id: string-literal
--! statement: theorem t : "ab".length = 2
by decide

--! id: raw-string
--! statement: theorem t : r"a\b".length = 3
by decide

--! id: exists-unique-style
--! statement: theorem t : ∃ n : Nat, n + 2 = 5 ∧ ∀ m : Nat, m + 2 = 5 → m = n
⟨3, rfl, fun m h => by omega⟩

--! id: implicit-lambda
--! statement: theorem t (f : ∀ {n : Nat}, n = n) : (f : ∀ {n : Nat}, n = n) = fun {_} => rfl
rfl

--! id: named-arguments
--! statement: theorem t (xs : List Nat) : List.map (f := fun x => x) (l := xs) = xs
List.map_id' xs

--! id: type-ascription
--! statement: theorem t : ((fun x => x) : Nat → Nat) = id
rfl

--! id: own-universes
--! statement: theorem t {α : Type _} {β : Type _} (f : α → β) (xs : List α) : (xs.map f).length = xs.length
--! own: universe u v
--! own: theorem t {α : Type u} {β : Type v} (f : α → β) (xs : List α) : (xs.map f).length = xs.length := by simp
by simp

--! id: own-universes-in-other-order
--! statement: theorem t {α : Type _} {β : Type _} (f : α → β) (xs : List α) : (xs.map f).length = xs.length
--! own: universe v u
--! own: theorem t {α : Type u} {β : Type v} (f : α → β) (xs : List α) : (xs.map f).length = xs.length := by simp
by simp

--! id: own-universes-of-the-theorem
--! statement: theorem t {α : Type u} {β : Type v} (x : α) (y : β) : (x, y).1 = x
--! own: theorem t.{v, u} {α : Type u} {β : Type v} (x : α) (y : β) : (x, y).1 = x := rfl
rfl

--! id: universe-order-ascending
--! statement: theorem t {α : Type u} {β : Type v} (x : α) (y : β) : (x, y).2 = y
--! helper: universe u v
rfl

--! id: own-binders
--! statement: theorem t (n : Nat) : (match n with | 0 => 0 | k + 1 => k + 1) = n
--! own: theorem t : ∀ m : Nat, (match m with | .zero => 0 | .succ j => j.succ) = m :=
--! own:   fun m => by cases m <;> rfl
by cases n <;> rfl

--! id: own-variables
--! statement: theorem t (p q : Prop) (hp : p) (hq : q) : (let (a, b) := (p, q); a ∧ b)
--! own: variable (p q : Prop) (hp : p) (hq : q)
--! own: include hp hq
--! own: theorem t : (match (p, q) with | (a, b) => a ∧ b) := ⟨hp, hq⟩
⟨hp, hq⟩

--! id: own-match
--! statement: theorem t (o : Option Nat) : (match o with | some k => k + 1 | none => 1) > 0
--! own: def next : Option Nat → Nat
--! own:   | none => 1
--! own:   | some k => k + 1
--! own: theorem t (o : Option Nat) : 0 < next o := by cases o <;> simp [next]
by cases o <;> simp

--! id: own-name
--! header: namespace Zoo
--! statement: theorem t (b : Bool) : (match b with | true => 1 | false => 1) = 1
--! own: end Zoo
--! own: theorem Zoo.t (b : Bool) : (match b with | true => 1 | false => 1) = 1 := by cases b <;> rfl
by cases b <;> rfl

--! id: like-a-recursor
--! header: inductive Foo where
--! header:   | a
--! header:   | b
--! statement: theorem Foo.rec_lemma (x : Foo) : x = x
by cases x <;> rfl
