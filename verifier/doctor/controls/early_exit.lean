--! statement: theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c

--! id: exit-at-the-end
theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c
#exit
theorem u : 1 = 2 := nonsense

--! id: comment-at-the-end
theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c
/- That is all: theorem t : False := sorry -/

--! id: nested-comments
/- outer /- inner: #exit -/ still outer: theorem t -/
theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c

--! id: section-closed
section
variable (a b c : Nat)
theorem t (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c
end

--! id: section-left-open
section Arithmetic
theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c

--! id: namespace-after
theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c
namespace More
theorem u : True := trivial

--! id: eval-beside
#eval 1 + 1
theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c
#eval 12 % 6

--! id: check-and-print-beside
#check Nat.dvd_mul_right_of_dvd
#reduce 2 + 3
theorem t (a b c : Nat) (h : a ∣ b) : a ∣ b * c := Nat.dvd_mul_right_of_dvd h c
#check t
#print t

--! id: proof-then-lemma
--! as: proof
Nat.dvd_mul_right_of_dvd h c

theorem more (a b : Nat) (h : a ∣ b) : a ∣ b * b := t a b b h
