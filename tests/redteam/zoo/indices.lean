--! id: list-index
--! statement: theorem t (xs : List Nat) (h : 0 < xs.length) : xs[0] = xs[0] + 0
--! false: theorem t (xs : List Nat) (h : 0 < xs.length) : xs[0] = 7
rfl

--! id: array-index-by-omega
--! statement: theorem t (xs : Array Nat) (i : Nat) (h : i + 1 < xs.size) : xs[i] + 0 = xs[i]
--! false: theorem t (xs : Array Nat) (i : Nat) (h : i + 1 < xs.size) : xs[i] + 0 = 7
--! helper: theorem first_step (xs : Array Nat) (i : Nat) (h : i + 1 < xs.size) : 0 + xs[i] = xs[i] :=
--! helper:   Nat.zero_add _
Nat.add_zero _

--! id: two-indices
--! statement: theorem t (xs : Array Nat) (i : Nat) (h : i + 2 < xs.size) : xs[i] + xs[i + 1] = xs[i + 1] + xs[i]
--! false: theorem t (xs : Array Nat) (i : Nat) (h : i + 2 < xs.size) : xs[i] = xs[i + 1]
--! helper: def firstOf (xs : Array Nat) (i : Nat) (h : i + 2 < xs.size) : Nat := xs[i]
Nat.add_comm _ _

--! id: given-proof
--! statement: theorem t (xs : List Nat) (h : 2 < xs.length) : xs[1]'(by omega) = xs[1]'(Nat.lt_of_succ_lt h)
--! false: theorem t (xs : List Nat) (h : 2 < xs.length) : xs[1]'(by omega) = 7
rfl

--! id: index-with-default
--! statement: theorem t : [4, 5][1]! = 5
rfl

--! id: index-as-option
--! statement: theorem t : [4, 5][2]? = none
rfl

--! id: index-of-a-literal
--! statement: theorem t : #[1, 2, 3][1] = 2
--! false: theorem t : #[1, 2, 3][1] = 7
rfl

--! id: index-under-a-binder
--! statement: theorem t (xs : List Nat) : ∀ i (h : i < xs.length), xs[i] = xs[i]'h
fun _ _ => rfl

--! id: index-by-fin
--! statement: theorem t (xs : List Nat) (i : Fin xs.length) : xs[i] = xs.get i
rfl

--! id: vector-index
--! statement: theorem t (v : Vector Nat 3) : v[1] + 0 = v[1]
--! false: theorem t (v : Vector Nat 3) : v[1] + 0 = 7
rfl

--! id: fin-literal
--! statement: theorem t : (2 : Fin 5).val + 1 = 3
rfl

--! id: fin-anonymous
--! statement: theorem t (n : Nat) (h : n < 3) : (⟨n, by omega⟩ : Fin 5).val = n
--! false: theorem t (n : Nat) (h : n < 3) : (⟨n, by omega⟩ : Fin 5).val = 7
rfl

--! id: subtype-anonymous
--! statement: theorem t : ∃ x : { n : Nat // n > 2 }, x = ⟨5, by decide⟩
--! false: theorem t : ∀ x : { n : Nat // n > 2 }, x = ⟨5, by decide⟩
⟨_, rfl⟩

--! id: by-exact
--! statement: theorem t (f : (n : Nat) → n ≤ 9 → Nat) : f 3 (by exact (by decide : 3 ≤ 9)) = f 3 (by omega)
--! false: theorem t (f : (n : Nat) → n ≤ 9 → Nat) : f 3 (by exact (by decide : 3 ≤ 9)) = 7
rfl

--! id: by-simp
--! statement: theorem t (f : (n : Nat) → n + 0 = n → Nat) (n : Nat) : f n (by simp) = f n rfl
--! false: theorem t (f : (n : Nat) → n + 0 = n → Nat) (n : Nat) : f n (by simp) = 7
rfl

--! id: by-decide-of-a-proposition
--! statement: theorem t : (by decide : 2 < 3) = Nat.lt_succ_self 2
rfl

--! id: by-tactics-for-data
--! statement: theorem t : (by exact 3 : Nat) = 3
rfl

--! id: by-cases-for-data
--! statement: theorem t (o : Option Nat) : (by cases o with | none => exact 0 | some k => exact k : Nat) = o.getD 0
by cases o <;> rfl

--! id: by-match-for-data
--! statement: theorem t (o : Option Nat) : (by exact match o with | none => 0 | some k => k : Nat) = o.getD 0
--! false: theorem t (o : Option Nat) : (by exact match o with | none => 0 | some k => k : Nat) = 7
by cases o <;> rfl

--! id: auto-param-default
--! header: def half (n : Nat) (_even : n % 2 = 0 := by omega) : Nat := n / 2
--! statement: theorem t (k : Nat) : half (2 * k) = k
--! false: theorem t (k : Nat) : half (2 * k) = 7
by unfold half; omega

--! id: structure-instance
--! statement: theorem t : ({ val := 2, isLt := by decide } : Fin 3) = 2
rfl

--! id: have-by-omega
--! statement: theorem t (a b : Nat) (h : a < b) : (have : a ≤ b := (by omega); b - a + a) = b
by show b - a + a = b; omega

--! id: let-value
--! statement: theorem t (n : Nat) : let m := n + 1; n < m
Nat.lt_succ_self n

--! id: list-membership
--! statement: theorem t : ∀ x ∈ [1, 2, 3], x < 4
by decide

--! id: exists-membership
--! statement: theorem t (xs : List Nat) (h : 3 ∈ xs) : ∃ x ∈ xs, x > 2
⟨3, h, by decide⟩

--! id: attach
--! statement: theorem t (xs : List Nat) : (xs.attach.map fun ⟨x, _⟩ => x).length = xs.length
--! helper: def back (xs : List Nat) : List Nat := xs.attach.map fun ⟨x, _⟩ => x
by simp
