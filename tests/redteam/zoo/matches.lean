--! id: nat-literal
--! statement: theorem t : ∀ n : Nat, 0 < (match n with | 0 => 1 | _ => 2)
--! false: theorem t : ∀ n : Nat, (match n with | 0 => 1 | _ => 2) = 7
--! unequal: theorem t : (match (3 : Nat) with | 0 => 1 | _ => 2) ≠ 2
--! helper: def one (n : Nat) : Nat := match n with | 0 => 1 | _ => 2
by intro n; cases n <;> simp

--! id: nat-successor
--! statement: theorem t (n : Nat) : (match n with | 0 => 0 | k + 1 => k) = n - 1
--! false: theorem t (n : Nat) : (match n with | 0 => 0 | k + 1 => k) = 7
--! unequal: theorem t : (match (3 : Nat) with | 0 => 0 | k + 1 => k) ≠ 2
--! helper: def before (n : Nat) : Nat := match n with | 0 => 0 | k + 1 => k
by cases n <;> rfl

--! id: nat-literals-apart
--! statement: theorem t : (match (4 : Nat) with | 1 => 10 | 3 => 30 | 4 => 40 | _ => 0) = 40
--! false: theorem t (n : Nat) : (match n with | 1 => 10 | 3 => 30 | 4 => 40 | _ => 0) = 7
--! unequal: theorem t : (match (4 : Nat) with | 1 => 10 | 3 => 30 | 4 => 40 | _ => 0) ≠ 40
rfl

--! id: int-literals
--! statement: theorem t : (match (-2 : Int) with | 0 => 1 | -2 => 5 | _ => 3) = 5
--! false: theorem t (i : Int) : (match i with | 0 => 1 | -2 => 5 | _ => 3) = 7
--! unequal: theorem t : (match (-2 : Int) with | 0 => 1 | -2 => 5 | _ => 3) ≠ 5
rfl

--! id: int-constructors
--! statement: theorem t (i : Int) : 0 ≤ (match i with | .ofNat n => n | .negSucc n => n + 1)
--! false: theorem t (i : Int) : (match i with | .ofNat n => n | .negSucc n => n + 1) = 7
by cases i <;> simp

--! id: strings
--! statement: theorem t : (match "one" with | "zero" => 0 | "one" => 1 | _ => 2) = 1
--! false: theorem t (s : String) : (match s with | "zero" => 0 | "one" => 1 | _ => 2) = 7
--! unequal: theorem t : (match "one" with | "zero" => 0 | "one" => 1 | _ => 2) ≠ 1
by decide

--! id: chars
--! statement: theorem t : (match 'b' with | 'a' => 0 | 'b' => 1 | _ => 2) = 1
--! false: theorem t (c : Char) : (match c with | 'a' => 0 | 'b' => 1 | _ => 2) = 7
by decide

--! id: fin-literals
--! statement: theorem t : ∀ i : Fin 3, (match i with | 0 => 5 | 1 => 6 | 2 => 7) = i.val + 5
--! false: theorem t : ∀ i : Fin 3, (match i with | 0 => 5 | 1 => 6 | 2 => 7) = 7
by decide

--! id: two-discriminants
--! statement: theorem t (a b : Bool) : (match a, b with | true, true => 1 | _, _ => 0) ≤ 1
--! false: theorem t (a b : Bool) : (match a, b with | true, true => 1 | _, _ => 0) = 7
--! unequal: theorem t : (match true, false with | true, true => 1 | _, _ => 0) ≠ 0
--! helper: def both (a b : Bool) : Nat := match a, b with | true, true => 1 | _, _ => 0
by cases a <;> cases b <;> decide

--! id: three-discriminants
--! statement: theorem t : (match 1, true, some 2 with | 0, _, _ => 0 | n, true, some m => n + m | _, _, _ => 9) = 3
--! false: theorem t (n : Nat) (b : Bool) (o : Option Nat) :
--! false:   (match n, b, o with | 0, _, _ => 0 | n, true, some m => n + m | _, _, _ => 9) = 7
rfl

--! id: or-patterns
--! statement: theorem t (n : Nat) : (match n with | 0 | 1 => 5 | _ => 6) ≤ 6
--! false: theorem t (n : Nat) : (match n with | 0 | 1 => 5 | _ => 6) = 7
--! unequal: theorem t : (match (1 : Nat) with | 0 | 1 => 5 | _ => 6) ≠ 5
by split <;> decide

--! id: nested-patterns
--! statement: theorem t (o : Option (List Nat)) : (match o with | some (x :: _ :: _) => x | _ => 0) ≤
--! statement:   (match o with | some (x :: _ :: _) => x | _ => 0) + 1
--! false: theorem t (o : Option (List Nat)) : (match o with | some (x :: _ :: _) => x | _ => 0) = 7
--! unequal: theorem t : (match some [5, 6] with | some (x :: _ :: _) => x | _ => 0) ≠ 5
Nat.le_succ _

--! id: named-patterns
--! statement: theorem t (xs : List Nat) : (match xs with | all@(_ :: _) => all.length | [] => 0) = xs.length
--! false: theorem t (xs : List Nat) : (match xs with | all@(_ :: _) => all.length | [] => 0) = 7
by cases xs <;> rfl

--! id: list-literals
--! statement: theorem t : (match [1, 2] with | [] => 0 | [a] => a | [a, b] => a + b | _ => 9) = 3
--! false: theorem t (xs : List Nat) : (match xs with | [] => 0 | [a] => a | [a, b] => a + b | _ => 9) = 7
rfl

--! id: option-shared
--! statement: theorem t (o : Option Nat) : (match o with | some k => k + 1 | none => 1) > 0
--! false: theorem t (o : Option Nat) : (match o with | some k => k + 1 | none => 1) = 7
--! unequal: theorem t : (match some 3 with | some k => k + 1 | none => 1) ≠ 4
--! helper: def next (o : Option Nat) : Nat := match o with | some k => k + 1 | none => 1
by cases o <;> simp

--! id: named-equation
--! statement: theorem t (n : Nat) : (match h : n with | 0 => 0 | k + 1 => k + (if n = k + 1 then 1 else 0)) = n
--! false: theorem t (n : Nat) : (match h : n with | 0 => 0 | k + 1 => k) = 7
by cases n <;> simp

--! id: equation-used
--! statement: theorem t (n : Nat) (hn : 0 < n) : (match h : n with | 0 => absurd hn (by omega) | k + 1 => k + 1) = n
--! false: theorem t (n : Nat) (hn : 0 < n) : (match h : n with | 0 => absurd hn (by omega) | k + 1 => k + 1) = 7
by cases n with | zero => exact absurd hn (by omega) | succ k => rfl

--! id: dependent-motive
--! statement: theorem t (b : Bool) : (match (motive := (b : Bool) → if b then Nat else Unit) b with
--! statement:   | true => (3 : Nat) | false => ()) = (match (motive := (b : Bool) → if b then Nat else Unit) b with
--! statement:   | true => (3 : Nat) | false => ())
rfl

--! id: match-in-a-type
--! statement: theorem t (b : Bool) (x : match b with | true => Nat | false => Nat) : x = x
rfl

--! id: match-on-a-proof
--! statement: theorem t (p q : Prop) (h : p ∧ q) : (match h with | ⟨_, hq⟩ => hq) = h.2
rfl

--! id: match-into-prop
--! statement: theorem t (n : Nat) : (match n with | 0 => True | _ + 1 => n ≠ 0)
--! false: theorem t (n : Nat) : (match n with | 0 => True | _ + 1 => n = 0)
by cases n <;> simp

--! id: match-into-prop-of-pairs
--! statement: theorem t (p : Nat × Nat) : (match p with | (a, b) => a + b = b + a)
--! false: theorem t (p : Nat × Nat) : (match p with | (a, b) => a = b)
--! helper: def turned : Nat × Nat → Prop := fun p => match p with | (a, b) => a + b = b + a
Nat.add_comm _ _

--! id: match-into-prop-of-existence
--! statement: theorem t (o : Option Nat) : (match o with | some k => ∃ m, m = k | none => 1 = 1)
--! false: theorem t (o : Option Nat) : (match o with | some k => ∃ m, m + 1 = k | none => 1 = 0)
by cases o <;> simp

--! id: if-let
--! statement: theorem t (o : Option Nat) : (if let some k := o then k else 0) = o.getD 0
--! false: theorem t (o : Option Nat) : (if let some k := o then k else 0) = 7
--! unequal: theorem t : (if let some k := some 3 then k else 0) ≠ 3
by cases o <;> rfl

--! id: let-pair
--! statement: theorem t (p : Nat × Nat) : (let (a, b) := p; a + b) = p.1 + p.2
--! false: theorem t (p : Nat × Nat) : (let (a, b) := p; a + b) = 7
--! unequal: theorem t : (let (a, b) := (2, 3); a + b) ≠ 5
--! helper: def added (p : Nat × Nat) : Nat := let (a, b) := p; a + b
rfl

--! id: let-triple
--! statement: theorem t : (let (a, b, c) := ((1, 2, 3) : Nat × Nat × Nat); a + b + c) = 6
--! false: theorem t (p : Nat × Nat × Nat) : (let (a, b, c) := p; a + b + c) = 7
rfl

--! id: let-else
--! statement: theorem t (o : Option Nat) : (Id.run do
--! statement:   let some k := o | return 0
--! statement:   return k) = o.getD 0
--! false: theorem t (o : Option Nat) : (Id.run do
--! false:   let some k := o | return 0
--! false:   return k) = 7
by cases o <;> rfl

--! id: have-anonymous
--! statement: theorem t (p q : Prop) (h : p ∧ q) : (have ⟨a, b⟩ := h; p ∧ q) ∧ True
⟨by obtain ⟨a, b⟩ := h; exact ⟨a, b⟩, trivial⟩

--! id: have-of-existence
--! statement: theorem t (h : ∃ n : Nat, n > 3) : (have ⟨n, hn⟩ := h; (⟨n, hn⟩ : ∃ n : Nat, n > 3)) = h
rfl

--! id: fun-cases
--! statement: theorem t : [0, 3].map (fun | 0 => 5 | n + 1 => n) = [5, 2]
--! false: theorem t : [0, 3].map (fun | 0 => 5 | n + 1 => n) = [7, 7]
--! helper: def five : Nat → Nat := fun | 0 => 5 | n + 1 => n
rfl

--! id: fun-pair
--! statement: theorem t : [(1, 2), (3, 4)].map (fun (a, b) => a + b) = [3, 7]
--! false: theorem t : [(1, 2), (3, 4)].map (fun (a, b) => a + b) = [7, 7]
rfl

--! id: fun-anonymous
--! statement: theorem t : (fun (⟨a, _⟩ : Nat × Nat) => a) (1, 2) = 1
--! false: theorem t : ∀ p, (fun (⟨a, _⟩ : Nat × Nat) => a) p = 7
rfl

--! id: fun-two-arguments
--! statement: theorem t : (fun | 0, m => m | n + 1, _ => n : Nat → Nat → Nat) 3 5 = 2
--! false: theorem t : (fun | 0, m => m | n + 1, _ => n : Nat → Nat → Nat) 3 5 = 7
rfl

--! id: exists-pattern
--! statement: theorem t : ∃ p : Nat × Nat, (match p with | (a, b) => a < b)
--! false: theorem t : ∃ p : Nat × Nat, (match p with | (a, b) => a < b ∧ b < a)
⟨(0, 1), by decide⟩

--! id: matches-operator
--! statement: theorem t (o : Option Nat) : (o matches some _) = o.isSome
--! false: theorem t (o : Option Nat) : (o matches some _) = true
by cases o <;> rfl

--! id: nomatch-of-false
--! statement: theorem t (h : False) : (nomatch h : Nat) = 1
h.elim

--! id: nomatch-of-fin
--! statement: theorem t (i : Fin 0) : (nomatch i : Nat) = 1
i.elim0

--! id: nofun
--! statement: theorem t : (nofun : Fin 0 → Nat) = fun i => i.elim0
by funext i; exact i.elim0

--! id: sum-match
--! statement: theorem t (s : Nat ⊕ Bool) : (match s with | .inl n => n | .inr true => 1 | .inr false => 0) ≥ 0
--! false: theorem t (s : Nat ⊕ Bool) : (match s with | .inl n => n | .inr true => 1 | .inr false => 0) = 7
Nat.zero_le _

--! id: inaccessible-pattern
--! statement: theorem t (n : Nat) (h : n = 3) : (match n, h with | _, rfl => 5) = 5
--! false: theorem t (n : Nat) (h : n = 3) : (match n, h with | _, rfl => 5) = 7
by subst h; rfl

--! id: overlapping
--! statement: theorem t (a b : Nat) : (match a, b with | 0, _ => 1 | _, 0 => 2 | _, _ => 3) ≤ 3
--! false: theorem t (a b : Nat) : (match a, b with | 0, _ => 1 | _, 0 => 2 | _, _ => 3) = 7
--! unequal: theorem t : (match 4, 0 with | 0, _ => 1 | _, 0 => 2 | _, _ => 3) ≠ 2
by split <;> decide

--! id: two-matches
--! statement: theorem t (a : Bool) (b : Option Bool) : (match a with | true => 1 | false => 2) ≤
--! statement:   (match b with | some true => 3 | _ => 2)
--! false: theorem t (a : Bool) (b : Option Bool) : (match a with | true => 1 | false => 2) =
--! false:   (match b with | some true => 3 | _ => 2)
by cases a <;> cases b <;> (try rename_i c; cases c) <;> decide

--! id: match-in-a-match
--! statement: theorem t (a b : Bool) : (match a with | true => (match b with | true => 1 | false => 2) | false => 3) ≤ 3
--! false: theorem t (a b : Bool) : (match a with | true => (match b with | true => 1 | false => 2) | false => 3) = 7
by cases a <;> cases b <;> decide

--! id: match-twice-the-same
--! statement: theorem t (a b : Bool) : (match a with | true => 1 | false => 2) + (match b with | true => 1 | false => 2) ≤ 4
--! false: theorem t (a b : Bool) : (match a with | true => 1 | false => 2) + (match b with | true => 1 | false => 2) = 14
by cases a <;> cases b <;> decide

--! id: match-in-a-hypothesis
--! statement: theorem t (n : Nat) (h : (match n with | 0 => 1 | k + 1 => k) = 5) : n = 6
--! false: theorem t (n : Nat) (h : (match n with | 0 => 1 | k + 1 => k) ≠ 7) : n = 8
by cases n <;> simp_all
