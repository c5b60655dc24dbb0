--! statement: theorem t : (1 : Nat) = 2

--! id: write-a-file
--! must: rejected
--! note: writes beside the worker
#eval IO.FS.writeFile "redteam-was-here.txt" "x"
theorem t : (1 : Nat) = 2 := by rfl

--! id: write-a-library-file
--! must: rejected
--! note: replaces a library that the next worker will read
#eval IO.FS.writeFile "lib/lean/Init.olean" "x"
theorem t : (1 : Nat) = 2 := by rfl

--! id: read-a-file
--! must: rejected
--! note: reads the users of the machine into the messages
#eval (do IO.println (← IO.FS.readFile "/etc/passwd") : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: include-a-file
--! must: rejected
--! note: the elaborator reads the file, no IO is seen in the text
def users : String := include_str "/etc/passwd"
#eval users
theorem t : (1 : Nat) = 2 := by rfl

--! id: list-a-directory
--! must: rejected
--! note: reads the names in the root directory
#eval (do let entries ← System.FilePath.readDir "/home"; IO.println (toString entries.size) : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: remove-a-directory
--! must: rejected
--! note: removes what it may
#eval IO.FS.removeDirAll "lib"
theorem t : (1 : Nat) = 2 := by rfl

--! id: environment-variables
--! must: rejected
--! note: looks for secrets in the environment
#eval (do IO.println (toString (← IO.getEnv "HOME")); IO.println (toString (← IO.getEnv "PATH")) : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: start-a-process
--! must: rejected, crashed
--! note: a shell of its own
#eval (do let out ← IO.Process.run { cmd := "/bin/sh", args := #["-c", "id"] }; IO.println out : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: kill-the-parent
--! must: rejected, crashed
--! note: a process that ends the verifier's processes
#eval (do let _ ← IO.Process.spawn { cmd := "/bin/kill", args := #["-9", "0"] }; pure () : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: change-directory
--! must: rejected
--! note: moves the worker elsewhere for the requests that follow
#eval (do IO.Process.setCurrentDir "/"; IO.println (← IO.currentDir) : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: open-a-socket
--! must: rejected, crashed
--! note: a connection to the machine itself
--! header: import Std.Internal.UV
open Std.Internal.UV in
#eval (do let s ← TCP.Socket.new; let _ ← s.getSockName : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: load-a-library
--! must: rejected, crashed
--! note: native code, from a file
--! header: import Lean
--! header: open Lean Elab Meta Command Term Tactic
elab "cheat" : command => do
  loadDynlib "/lib/x86_64-linux-gnu/libc.so.6"
cheat
theorem t : (1 : Nat) = 2 := by rfl

--! id: read-the-requests
--! must: rejected, timeout, crashed
--! seconds: 5
--! note: reads the worker's stdin, where the ids of requests are
-- In a task: `#eval` gives its own thread an empty stdin.
#eval (do
  let task ← IO.asTask (do let line ← (← IO.getStdin).getLine; IO.println line)
  let _ ← IO.wait task : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: close-the-reply-channel
--! must: rejected
--! note: gives the worker another stdout
#eval (do let _ ← IO.setStdout (← IO.getStderr); pure () : IO Unit)
theorem t : (1 : Nat) = 2 := by rfl

--! id: write-as-a-proof
--! must: rejected, forbidden
--! statement: theorem t : 1 + 1 = 2
--! note: the theorem is true, the file it writes on the way is not to appear
#eval IO.FS.writeFile "redteam-was-here.txt" "x"
theorem t : 1 + 1 = 2 := rfl
