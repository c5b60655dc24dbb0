"""The table of families: which there are, and what learning may see of them."""

from prover.families import arithmetic, logic, recursion, structures, witness
from prover.families.base import Family, Role

__all__ = ["FAMILIES"]

FAMILIES: tuple[Family, ...] = (
    Family("nat_linear", Role.SUPERVISED, arithmetic.nat_linear),
    Family("dvd_rules", Role.SUPERVISED, arithmetic.dvd_rules),
    Family("mul_monotone", Role.SUPERVISED, arithmetic.mul_monotone),
    Family("parity", Role.SUPERVISED, arithmetic.parity),
    Family("coins", Role.SUPERVISED, witness.coins),
    Family("counterexample", Role.SUPERVISED, witness.counterexample),
    Family("linear_witness", Role.SUPERVISED, witness.linear_witness),
    Family("residue_class", Role.SUPERVISED, witness.residue_class),
    Family("implication", Role.SUPERVISED, logic.implication),
    Family("instance_at", Role.SUPERVISED, logic.instance_at),
    Family("bool_function", Role.SUPERVISED, logic.bool_function),
    Family("evaluation", Role.SUPERVISED, recursion.evaluation),
    Family("recurrence", Role.SUPERVISED, recursion.recurrence),
    Family("step_closed", Role.SUPERVISED, recursion.step_closed),
    Family("total_glue", Role.SUPERVISED, structures.total_glue),
    Family("weigh_closed", Role.SUPERVISED, structures.weigh_closed),
    Family("int_linear", Role.EXPLORED, arithmetic.int_linear),
    Family("remainder", Role.RARE, arithmetic.remainder),
    Family("dvd_combination", Role.RARE, arithmetic.dvd_combination),
    Family("int_coins", Role.RARE, witness.int_coins),
    Family("above", Role.EXPLORED, witness.above),
    Family("list_witness", Role.RARE, witness.list_witness),
    Family("closure", Role.EXPLORED, logic.closure),
    Family("climb_closed", Role.RARE, recursion.climb_closed),
    Family("bump_total", Role.RARE, structures.bump_total),
    Family("copies_total", Role.EXPLORED, structures.copies_total),
    Family("mirror_weigh", Role.RARE, structures.mirror_weigh),
    Family("step_bound", Role.HELD_OUT, recursion.step_bound),
    Family("accumulator", Role.HELD_OUT, recursion.accumulator),
    Family("sum_closed", Role.HELD_OUT, recursion.sum_closed),
    Family("function_witness", Role.HELD_OUT, witness.function_witness),
)
"""All families.  A family that is held out is held out whole."""
