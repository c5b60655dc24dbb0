--! statement: theorem t (a b : Nat) : a + b = a

--! id: instance-HAdd
--! must: statement_mismatch
--! note: another addition, prints the same
local instance (priority := high) : HAdd Nat Nat Nat := ⟨fun a _ => a⟩
theorem t (a b : Nat) : a + b = a := rfl

--! id: instance-Add
--! must: statement_mismatch
--! note: the instance one level below
instance (priority := high) : Add Nat := ⟨fun a _ => a⟩
theorem t (a b : Nat) : a + b = a := rfl

--! id: instance-removed
--! must: statement_mismatch
--! note: the honest instance is erased first
attribute [-instance] instHAdd
instance other : HAdd Nat Nat Nat := ⟨fun a _ => a⟩
theorem t (a b : Nat) : a + b = a := rfl

--! id: instance-OfNat
--! must: statement_mismatch
--! note: the literals are other numbers
--! statement: theorem t : (2 : Nat) + 2 = 5
instance (priority := high) : OfNat Nat 5 := ⟨4⟩
theorem t : (2 : Nat) + 2 = 5 := rfl

--! id: instance-LE
--! must: statement_mismatch
--! note: another order
--! statement: theorem t (a b : Nat) : a ≤ b
local instance (priority := high) : LE Nat := ⟨fun _ _ => True⟩
theorem t (a b : Nat) : a ≤ b := trivial

--! id: instance-Membership
--! must: statement_mismatch
--! note: everything is a member
--! statement: theorem t (n : Nat) (l : List Nat) : n ∈ l
instance (priority := high) : Membership Nat (List Nat) := ⟨fun _ _ => True⟩
theorem t (n : Nat) (l : List Nat) : n ∈ l := trivial

--! id: instance-BEq
--! must: statement_mismatch
--! note: `==` is always true
--! statement: theorem t (a b : Nat) : (a == b) = true
instance (priority := high) : BEq Nat := ⟨fun _ _ => true⟩
theorem t (a b : Nat) : (a == b) = true := rfl

--! id: default-instance
--! must: statement_mismatch
--! note: numerals without a type are of another type
--! statement: theorem t : 2 + 2 = 5
inductive Single | one
@[default_instance 2000] instance (n : Nat) : OfNat Single n := ⟨.one⟩
instance : Add Single := ⟨fun a _ => a⟩
theorem t : 2 + 2 = 5 := rfl

--! id: coercion
--! must: statement_mismatch
--! note: the coercion from Nat to Int forgets the number
--! statement: theorem t (n : Nat) : (n : Int) = 0
instance (priority := high) : Coe Nat Int := ⟨fun _ => 0⟩
instance (priority := high) : NatCast Int := ⟨fun _ => 0⟩
instance (priority := high) : IntCast Int := ⟨fun _ => 0⟩
theorem t (n : Nat) : (n : Int) = 0 := rfl

--! id: coercion-to-Prop
--! must: statement_mismatch
--! note: a Boolean stands for `True` whatever it is
--! statement: theorem t (b : Bool) : b
attribute [-instance] boolToProp
instance : CoeSort Bool Prop := ⟨fun _ => True⟩
theorem t (b : Bool) : b := trivial

--! id: coercion-to-function
--! must: statement_mismatch
--! note: application of what is no function, header-defined, is the candidate's own
--! statement: theorem t (b : Box) : b 0 = 1
--! header: structure Box where
--! header:   f : Nat → Nat
--! header: instance fromBox : CoeFun Box (fun _ => Nat → Nat) := ⟨Box.f⟩
instance (priority := high) : CoeFun Box (fun _ => Nat → Nat) := ⟨fun _ _ => 1⟩
theorem t (b : Box) : b 0 = 1 := rfl

--! id: notation-eq
--! must: statement_mismatch
--! note: `=` is always true
local macro_rules | `($_ = $_) => `(True)
theorem t (a b : Nat) : a + b = a := trivial

--! id: notation-le
--! must: statement_mismatch
--! note: `≤` is read as `≥`
--! statement: theorem t (a : Nat) : a ≤ 0
local infix:50 (priority := high) " ≤ " => fun (x y : Nat) => GE.ge x y
theorem t (a : Nat) : a ≤ 0 := Nat.zero_le a

--! id: notation-forall
--! must: statement_mismatch
--! note: `∀` is read as `∃`
--! statement: theorem t : ∀ n : Nat, n = 0
local macro_rules | `(∀ $n:ident : $a, $p) => `(∃ $n:ident : $a, $p)
theorem t : ∀ n : Nat, n = 0 := ⟨0, rfl⟩

--! id: notation-constant
--! must: statement_mismatch
--! note: `False` is read as `True`
--! statement: theorem t : ¬ True → False
local macro_rules | `(¬ $_) => `(False)
theorem t : ¬ True → False := id

--! id: notation-of-binders
--! must: statement_mismatch
--! note: the binder's type is dropped on the way
--! statement: theorem t : ∃ n : Nat, n < 0
macro_rules | `(∃ $_:ident : $_, $_) => `(True)
theorem t : ∃ n : Nat, n < 0 := trivial

--! id: notation-literal
--! must: statement_mismatch
--! note: a numeral becomes another
--! statement: theorem t : (1 : Nat) = 2
local macro_rules | `(($n : Nat)) => `(id (α := Nat) 2)
theorem t : (1 : Nat) = 2 := rfl

--! id: inner-namespace
--! must: statement_mismatch
--! note: in an inner namespace, the name of the statement means another constant
--! statement: theorem t (n : Nat) : isSmall n
--! header: def Hard.isSmall (n : Nat) : Prop := n < 1
--! header: open Hard
namespace Hard.Easy
def isSmall (_ : Nat) : Prop := True
theorem _root_.t (n : Nat) : isSmall n := trivial
end Hard.Easy

--! id: open-shadow
--! must: rejected
--! note: an `open` adds a second meaning of a name; Lean finds it ambiguous rather than choose
--! statement: theorem t (n : Nat) : isSmall n
--! header: def Hard.isSmall (n : Nat) : Prop := n < 1
--! header: open Hard
def Easy.isSmall (_ : Nat) : Prop := True
open Easy
theorem t (n : Nat) : isSmall n := trivial

--! id: open-shadow-overload
--! must: statement_mismatch
--! note: of the two meanings that `open` gives, the argument's elaboration leaves the cheater's only
--! statement: theorem t (n : Nat) : isSmall n 0
--! header: def Hard.isSmall (n m : Nat) : Prop := n < m
--! header: open Hard
def Easy.isSmall (_ _ : Nat) : Prop := True
open Hard hiding isSmall
open Easy
open Hard renaming isSmall → wasSmall
local macro_rules | `(isSmall $a $b) => `(Easy.isSmall $a $b)
theorem t (n : Nat) : isSmall n 0 := trivial

--! id: name-as-keyword
--! must: statement_mismatch
--! note: the name of the header's definition is made a token that stands for another
--! statement: theorem t (n : Nat) : isSmall n
--! header: def Hard.isSmall (n : Nat) : Prop := n < 1
--! header: open Hard
def Easy.isSmall (_ : Nat) : Prop := True
local notation (priority := high) "isSmall" => Easy.isSmall
theorem t (n : Nat) : isSmall n := trivial

--! id: pretty-printer
--! must: statement_mismatch
--! note: both types print alike: an unexpander writes `0` for `1`
--! statement: theorem t (n : Nat) : 0 * n = 0 * 1 + 1
def zero' : Nat := 1
@[app_unexpander zero'] meta def unexpandZero : Lean.PrettyPrinter.Unexpander := fun _ => `(0)
theorem t (n : Nat) : zero' * n = zero' * n := rfl

--! id: term-elaborator-precedence
--! must: statement_mismatch
--! note: the operator binds in another way, so that the same text is another claim
--! statement: theorem t (a b c : Nat) : a - b - c = a - (b - c)
local infixr:65 (priority := high) " - " => HSub.hSub
theorem t (a b c : Nat) : a - b - c = a - (b - c) := rfl
