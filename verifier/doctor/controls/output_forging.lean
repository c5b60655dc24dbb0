--! statement: theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1

--! id: prints-a-line
#eval IO.println "the proof follows"
theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1 := by rw [h]

--! id: prints-json
#eval IO.println "{\"id\": \"1\", \"error\": \"no\"}"
theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1 := by rw [h]

--! id: prints-the-word-error
#eval IO.println "error: this is no error"
theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1 := by rw [h]

--! id: prints-on-stderr
#eval IO.eprintln "uncaught exception: none"
theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1 := by rw [h]

--! id: dbg-trace
def noisy (n : Nat) : Nat := dbgTrace "{\"id\": \"0\"}" fun _ => n
#eval noisy 1
theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1 := by rw [h]

--! id: trace-tactic
--! as: proof
by
  trace "{\"error\": \"none\"}"
  trace_state
  rw [h]

--! id: long-string
def text := "0123456789012345678901234567890123456789"
#eval text ++ text ++ text ++ text
theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1 := by rw [h]

--! id: braces-and-quotes-in-comments
-- {"status": "rejected", "error": "\"
theorem t (a b : Nat) (h : a = b) : b + 1 = a + 1 := by rw [h]
