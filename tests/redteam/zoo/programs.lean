--! id: do-option
--! statement: theorem t : (do let a ← some 1; let b ← some 2; return a + b) = some 3
rfl

--! id: do-option-pattern
--! statement: theorem t : (do let (a, b) ← some (1, 2); return a + b : Option Nat) = some 3
--! false: theorem t (o : Option (Nat × Nat)) : (do let (a, b) ← some (1, 2); return a + b : Option Nat) = some 7
rfl

--! id: do-id
--! statement: theorem t : (Id.run do let mut x := 1; x := x + 1; return x) = 2
rfl

--! id: do-except
--! statement: theorem t : (do
--! statement:   let a ← pure 1
--! statement:   if a = 2 then
--! statement:     throw "two"
--! statement:   return a : Except String Nat) = .ok 1
rfl

--! id: do-for
--! statement: theorem t : (Id.run do
--! statement:   let mut s := 0
--! statement:   for x in [1, 2, 3] do
--! statement:     s := s + x
--! statement:   return s) = 6
rfl

--! id: do-for-return
--! statement: theorem t : (Id.run do for x in [1, 2, 3] do { if x = 2 then return x }; return 0) = 2
--! false: theorem t : (Id.run do for x in [1, 2, 3] do { if x = 2 then return x }; return 0) = 7
rfl

--! id: do-for-pattern
--! statement: theorem t : (Id.run do
--! statement:   let mut s := 0
--! statement:   for (a, b) in [(1, 2), (3, 4)] do
--! statement:     s := s + a * b
--! statement:   return s) = 14
rfl

--! id: do-match
--! statement: theorem t (o : Option Nat) : (Id.run do match o with | some k => return k | none => return 0) = o.getD 0
--! false: theorem t (o : Option Nat) : (Id.run do match o with | some k => return k | none => return 0) = 7
by cases o <;> rfl

--! id: do-if-let
--! statement: theorem t (o : Option Nat) : (Id.run do
--! statement:   if let some k := o then
--! statement:     return k
--! statement:   return 0) = o.getD 0
by cases o <;> rfl

--! id: do-unless-and-try
--! statement: theorem t : (do try throw "x" catch _ => pure 3 : Except String Nat) = .ok 3
rfl

--! id: state-monad
--! statement: theorem t : (StateT.run (do modify (· + 1); let s ← get; return s * 2) 4 : Id (Nat × Nat)) = (10, 5)
rfl

--! id: if-then-else-named
--! statement: theorem t (n : Nat) : (if h : n = 0 then 0 else n) = n
by split <;> simp_all

--! id: bool-to-prop
--! statement: theorem t (a b : Bool) (h : a && b) : a
by cases a <;> simp_all

--! id: decide-in-a-statement
--! statement: theorem t (n : Nat) : decide (n < 3) = !decide (3 ≤ n)
by by_cases h : n < 3 <;> simp [h] <;> omega

--! id: calc-in-a-statement
--! statement: theorem t : (calc 1 = 1 := rfl
--! statement:   _ = 1 := rfl : 1 = 1) = rfl
rfl

--! id: show-in-a-statement
--! statement: theorem t (n : Nat) : (show Nat from n + 0) = n
rfl

--! id: dot-lambda
--! statement: theorem t : [1, 2].map (· + 1) = [2, 3]
rfl

--! id: pipeline
--! statement: theorem t : ([1, 2, 3] |>.map (fun x => x * x) |>.foldl (· + ·) 0) = 14
rfl

--! id: string-interpolation
--! statement: theorem t (x : String) : s!"{x}!" = x ++ "!"
by simp [toString]

--! id: ranges
--! statement: theorem t : (List.range 4).foldl (· + ·) 0 = 6
rfl
