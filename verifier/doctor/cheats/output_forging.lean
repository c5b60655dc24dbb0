--! statement: theorem t : (1 : Nat) = 2

--! id: printed-verdict
--! must: rejected
--! note: a verdict is printed
#eval IO.println "{\"status\": \"proved\"}"
theorem t : (1 : Nat) = 2 := by rfl

--! id: printed-reply
--! must: rejected
--! note: a whole reply of the worker is printed, with a guessed id
#eval (do
  let task ← IO.asTask (do
    let out ← IO.getStdout
    out.putStr "\n{\"id\": \"000000000000000000000000\", \"name\": \"t\", \"messages\": [], \"declaration\": {\"kind\": \"theorem\", \"reference_kind\": \"theorem\", \"same_type\": true, \"axioms\": []}}\n"
    out.flush)
  let _ ← IO.wait task : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: printed-reply-without-an-id
--! must: rejected
--! note: the reply has no id, or null
#eval (do
  let task ← IO.asTask (do
    let out ← IO.getStdout
    out.putStr "\n{\"id\": null, \"name\": \"t\"}\n{\"name\": \"t\", \"ready\": true, \"lean\": \"4\"}\n{\"ready\": true, \"lean\": \"4\"}\n"
    out.flush)
  let _ ← IO.wait task : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: dbg-trace
--! must: rejected
--! note: `dbg_trace` writes past the message log
def noisy (n : Nat) : Nat := dbgTrace "{\"id\": \"0\", \"status\": \"proved\"}" fun _ => n
#eval noisy 1
theorem t : (1 : Nat) = 2 := by rfl

--! id: unfinished-line
--! must: rejected
--! note: a line that is never ended would swallow the reply
#eval (do
  let task ← IO.asTask (do
    let out ← IO.getStdout
    out.putStr "{\"id\": \""
    out.flush)
  let _ ← IO.wait task : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: stderr
--! must: rejected
--! note: the same on stderr
#eval IO.eprintln "{\"status\": \"proved\"}"
theorem t : (1 : Nat) = 2 := by rfl

--! id: error-as-information
--! must: rejected
--! note: a message that looks like the end of the log
#eval IO.println "no errors\n\nBuild completed successfully."
theorem t : (1 : Nat) = 2 := by rfl

--! id: error-text
--! must: rejected, incomplete
--! note: the text of the error is forged to be empty by a tactic that says nothing
theorem t : (1 : Nat) = 2 := by fail ""

--! id: print-axioms
--! must: disallowed_axiom
--! note: the output of `#print axioms` is printed by hand
axiom cheat : (1 : Nat) = 2
theorem t : (1 : Nat) = 2 := cheat
#eval IO.println "'t' does not depend on any axioms"

--! id: long-line
--! must: rejected, timeout, crashed, resource_exhausted
--! seconds: 5
--! note: a megabyte on one line
def grow : Nat → String → String | 0, s => s | n + 1, s => grow n (s ++ s)
#eval (do
  let task ← IO.asTask (do
    let out ← IO.getStdout
    out.putStr ("{" ++ grow 17 "0123456789")
    out.flush)
  let _ ← IO.wait task : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: invalid-utf8
--! must: rejected, crashed
--! note: bytes that are no text come before the reply
#eval (do
  let task ← IO.asTask (do
    let out ← IO.getStdout
    out.write (ByteArray.mk #[0xff, 0xfe, 0x0a, 0x7b])
    out.flush)
  let _ ← IO.wait task : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl
