"""The Lean definitions that generated theorems speak of.

They are one text for all families, so that a worker that has elaborated it once stays warm for every theorem.
Every function is structurally recursive and has a name that core Lean does not have.
"""

__all__ = ["FUNCTIONS", "HEADER"]

HEADER = """\
def step (a b : Nat) : Nat → Nat
  | 0 => b
  | n + 1 => a + step a b n
def climb (a b : Int) : Nat → Int
  | 0 => b
  | n + 1 => climb a b n + a
def drift (a : Nat) : Nat → Nat → Nat
  | 0, s => s
  | n + 1, s => drift a n (s + a)
def sumTo (f : Nat → Nat) : Nat → Nat
  | 0 => 0
  | n + 1 => sumTo f n + f n
def total : List Nat → Nat
  | [] => 0
  | x :: xs => x + total xs
def size : List Nat → Nat
  | [] => 0
  | _ :: xs => 1 + size xs
def glue : List Nat → List Nat → List Nat
  | [], ys => ys
  | x :: xs, ys => x :: glue xs ys
def bump (k : Nat) : List Nat → List Nat
  | [] => []
  | x :: xs => (x + k) :: bump k xs
def copies (k : Nat) : Nat → List Nat
  | 0 => []
  | n + 1 => k :: copies k n
def gather : List Nat → Nat → Nat
  | [], s => s
  | x :: xs, s => gather xs (x + s)
inductive Tree where
  | leaf
  | node (l r : Tree)
def weigh (a b : Nat) : Tree → Nat
  | .leaf => b
  | .node l r => a + weigh a b l + weigh a b r
def mirror : Tree → Tree
  | .leaf => .leaf
  | .node l r => .node (mirror r) (mirror l)
"""

FUNCTIONS = (
    "step", "climb", "drift", "sumTo", "total", "size", "glue", "bump", "copies", "gather", "weigh", "mirror",
)  # fmt: skip
"""Every function `HEADER` defines, in its order."""
