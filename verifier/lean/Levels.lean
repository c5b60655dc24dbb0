/-! ### Levels: universe levels, normalised when they are read

A level that is zero however its parameters are chosen is read as the literal zero, and the kernel's own checks
then see a proposition for what it is (lean4#14613).  Levels that are equal may stand for each other, so this can
refuse nothing that is right. -/

/-- The number that `level` with `n` more is, when it has no parameters. -/
def explicitLevel : Level → Nat → Option Nat
  | .zero, n => some n
  | .succ below, n => explicitLevel below (n + 1)
  | _, _ => none

/-- Whether no choice of the parameters makes it zero. -/
def neverZero : Level → Bool
  | .succ _ => true
  | .max a b => neverZero a || neverZero b
  | .imax _ b => neverZero b
  | _ => false

def plainMax (a b : Level) : Level :=
  match explicitLevel a 0, explicitLevel b 0 with
  | some m, some n => if m < n then b else a
  | some 0, _ => b
  | _, some 0 => a
  | _, _ => if a == b then a else .max a b

def plainIMax (a b : Level) : Level :=
  match b with
  | .zero => .zero
  | _ => if neverZero b then plainMax a b else if a == .zero || a == b then b else .imax a b
