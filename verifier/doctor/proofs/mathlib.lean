--! header: import Mathlib
--! header: import Aesop
--! header: set_option maxHeartbeats 400000
--! header: open BigOperators Real Nat Topology Rat

--! id: norm_num
--! statement: theorem t : (2 : ℝ) ^ 10 = 1024
--! note: arithmetic, under the header of DeepSeek-Prover and Goedel-Prover
theorem t : (2 : ℝ) ^ 10 = 1024 := by norm_num

--! id: ring
--! statement: theorem t (a b : ℝ) : (a + b) ^ 2 = a ^ 2 + 2 * a * b + b ^ 2
--! note: identities of a commutative ring
theorem t (a b : ℝ) : (a + b) ^ 2 = a ^ 2 + 2 * a * b + b ^ 2 := by ring

--! id: nlinarith
--! statement: theorem t (a b : ℝ) : 2 * a * b ≤ a ^ 2 + b ^ 2
--! note: nonlinear arithmetic with a hint
theorem t (a b : ℝ) : 2 * a * b ≤ a ^ 2 + b ^ 2 := by nlinarith [sq_nonneg (a - b)]

--! id: positivity
--! statement: theorem t (a : ℝ) : 0 < a ^ 2 + 1
--! note: signs
theorem t (a : ℝ) : 0 < a ^ 2 + 1 := by positivity

--! id: field_simp
--! statement: theorem t (a b : ℝ) (ha : a ≠ 0) (hb : b ≠ 0) : a / b * (b / a) = 1
--! note: fractions
theorem t (a b : ℝ) (ha : a ≠ 0) (hb : b ≠ 0) : a / b * (b / a) = 1 := by field_simp

--! id: aesop
--! statement: theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q
--! note: search
theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := by aesop

--! id: lemma
--! statement: theorem t (n : ℕ) : n ≤ n ^ 2
--! note: Mathlib's own command for a theorem, as a helper
lemma helper (n : ℕ) : n ≤ n ^ 2 := by nlinarith [sq_nonneg n]
theorem t (n : ℕ) : n ≤ n ^ 2 := helper n

--! id: noncomputable
--! statement: theorem t : ∃ x : ℝ, x = 1
--! note: a definition that cannot be compiled
noncomputable def half : ℝ := 1 / 2
theorem t : ∃ x : ℝ, x = 1 := ⟨half + half, by unfold half; norm_num⟩

--! id: open-in
--! statement: theorem t (n : ℕ) : ∑ i ∈ Finset.range (n + 1), i = n * (n + 1) / 2
--! note: a namespace that is open in one declaration, and a sum
open Finset in
theorem t (n : ℕ) : ∑ i ∈ Finset.range (n + 1), i = n * (n + 1) / 2 := by
  rw [Finset.sum_range_id, Nat.add_sub_cancel, Nat.mul_comm]

--! id: kimina-header
--! header: import Mathlib
--! header: import Aesop
--! header: set_option maxHeartbeats 400000
--! header: open Nat Real
--! statement: theorem t (x : ℝ) (h : 2 * x + 3 = 7) : x = 2
--! note: the header that Kimina-Prover prompts with
theorem t (x : ℝ) (h : 2 * x + 3 = 7) : x = 2 := by linarith

--! id: own-header-lines
--! statement: theorem t : Nat.Prime 7
--! note: a file that brings the header's lines itself
import Mathlib
import Aesop
set_option maxHeartbeats 400000
open BigOperators Real Nat Topology Rat
theorem t : Nat.Prime 7 := by norm_num

--! id: local-notation
--! statement: theorem t (a b : ℤ) : a * b = b * a
--! note: a notation and a variable of the file's own
local notation "𝕆" => (0 : ℤ)
variable (c : ℤ)
lemma own : c + 𝕆 = c := by simp
theorem t (a b : ℤ) : a * b = b * a := by have := own a; ring
