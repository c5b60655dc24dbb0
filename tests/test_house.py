"""The shape of the three packages: who imports whom, how large modules and folders are, how they are called.

Nothing is imported here: the sources are read with `ast`.
"""

from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from pathlib import Path

import pytest

from docs.rooms import ORDER, imports, modules, place_of, room_imports

MOST_LINES = 400
MOST_MODULES = 12
MODULES = modules()
ROOMS = room_imports()
ENDINGS = ("ies", "ison", "ing", "ion", "ers", "ed", "er", "or", "es", "th", "s", "d", "y", "e")
"""What makes no other word of a word."""


def floors_between(room: str, imported: str) -> str | None:
    """What is wrong with the import of one room by another; None for nothing."""
    above, below = place_of(room), place_of(imported)
    if above is None or below is None:
        return None  # named by another test
    if above[0] > below[0]:
        return "the packages import each other in one direction"
    if above[0] == below[0] and above[1] >= below[1]:
        return "a room imports lower floors only"
    return None


def test_every_room_has_its_place_in_the_order() -> None:
    missing = sorted(room for room in ROOMS if place_of(room) is None)
    assert not missing, (
        f"say in ORDER of docs/rooms.py on which floor these rooms stand: {', '.join(missing)}"
    )


def test_the_order_names_no_room_that_is_gone() -> None:
    gone = [
        f"{package}.{name}"
        for package, floors in ORDER.items()
        for rooms in floors
        for name in rooms
        if f"{package}.{name}" not in ROOMS
    ]
    assert not gone, f"take these rooms out of ORDER in docs/rooms.py: {', '.join(gone)}"


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_lower_floors_and_later_packages_only(room: str) -> None:
    wrong = [
        f"{module} imports {other}: {why}"
        for imported, pairs in ROOMS[room].items()
        if (why := floors_between(room, imported)) is not None
        for module, other in pairs
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {*imports(module, path, MODULES)} - {module} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"cut one of these imports: {' ← '.join(error.args[1])}")


def test_no_module_imports_the_face_of_a_folder_that_it_stands_in() -> None:
    """A folder's `__init__.py` imports the folder's modules, and so none of them can import it."""
    wrong = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        for imported in imports(module, path, MODULES)
        if MODULES[imported].name == "__init__.py"
        and path.is_relative_to(MODULES[imported].parent)
        and path.name not in ("__main__.py", "__init__.py")
        and list(imports(imported, MODULES[imported], MODULES))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_is_too_long_to_be_read_in_one_go() -> None:
    lengths = {module: len(path.read_text("utf-8").splitlines()) for module, path in MODULES.items()}
    long = [f"{module} has {lines} lines" for module, lines in lengths.items() if lines > MOST_LINES]
    assert not long, f"split what has more than {MOST_LINES} lines: " + ", ".join(long)


def modules_by_folder() -> dict[Path, list[str]]:
    folders: defaultdict[Path, list[str]] = defaultdict(list)
    for path in MODULES.values():
        if path.name not in ("__init__.py", "__main__.py"):
            folders[path.parent].append(path.stem)
    return folders


def test_no_folder_has_more_modules_than_can_be_kept_in_mind() -> None:
    crowded = [
        f"{folder.name}/ has {len(names)}"
        for folder, names in modules_by_folder().items()
        if len(names) > MOST_MODULES
    ]
    assert not crowded, f"make rooms of folders with more than {MOST_MODULES} modules: {', '.join(crowded)}"


def stems(word: str) -> Iterator[str]:
    """What is left of a word without an ending, and with one consonant where the ending doubled it."""
    for ending in ["", *ENDINGS]:
        stem = word.removesuffix(ending)
        if len(stem) >= 4 and word.endswith(ending):
            yield stem
            if ending and stem[-1] == stem[-2]:
                yield stem[:-1]


def differ_by_an_ending(one: str, other: str) -> bool:
    """Whether two names have the same words but for their endings: `worker` and `workers`, for one."""
    words, others = one.split("_"), other.split("_")
    return len(words) == len(others) and all(
        a == b or not set(stems(a)).isdisjoint(stems(b)) for a, b in zip(words, others, strict=True)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("worker", "workers"),
        ("store", "stored"),
        ("growth", "growing"),
        ("compare", "comparison"),
        ("steps", "stepper"),
        ("policy", "policies"),
        ("verdict_store", "verdict_stores"),
    ],
)
def test_names_that_differ_by_an_ending_are_recognised(one: str, other: str) -> None:
    assert differ_by_an_ending(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("reader", "records"), ("compute", "compare"), ("lean_worker", "worker_set"), ("run", "rounds")],
)
def test_other_names_are_left_alone(one: str, other: str) -> None:
    assert not differ_by_an_ending(one, other)


def test_no_two_modules_of_a_folder_are_told_apart_by_an_ending() -> None:
    pairs = [
        f"{folder.name}/: {one}, {other}"
        for folder, names in modules_by_folder().items()
        for one, other in combinations(sorted(names), 2)
        if differ_by_an_ending(one, other)
    ]
    assert not pairs, "names that say how they differ, please:\n" + "\n".join(pairs)
