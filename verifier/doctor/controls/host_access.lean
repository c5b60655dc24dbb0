--! statement: theorem t (l : List Nat) : (l ++ []).length = l.length

--! id: pure-io
#eval (do let now ← IO.monoMsNow; let later ← IO.monoMsNow; IO.println (toString (decide (now ≤ later))) : IO Unit)
theorem t (l : List Nat) : (l ++ []).length = l.length := by simp

--! id: reference-cells
#eval (do let r ← IO.mkRef 1; r.set 2; IO.println (toString (← r.get)) : IO Unit)
theorem t (l : List Nat) : (l ++ []).length = l.length := by simp

--! id: io-definition-not-run
def save (path : System.FilePath) (text : String) : IO Unit := IO.FS.writeFile path text
theorem t (l : List Nat) : (l ++ []).length = l.length := by simp

--! id: path-in-a-string
def path := "/etc/passwd"
theorem t (l : List Nat) : (l ++ []).length = l.length := by simp

--! id: tactic-in-core
--! header: import Lean
--! header: open Lean Elab Meta Command Term Tactic
elab "nothing" : tactic => pure ()
theorem t (l : List Nat) : (l ++ []).length = l.length := by
  nothing
  simp
