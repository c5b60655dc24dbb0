"""The drawings of docs/architecture.md, made from the code.

python -m docs.drawings         writes them into docs/; a test says when that was forgotten

`rooms.svg` shows which room imports which (`docs/rooms.py`), and `attempt.svg` the way of an attempt, as the
table on the page has it, whose functions a test looks for in the code.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from docs.rooms import ORDER, ROOT, place_of, purposes, room_imports
from docs.svg import arrow, box, picture, text

__all__ = ["PAGE", "Stop", "drawings", "read_stops", "rooms_table", "shortened", "with_rooms"]

DOCS = ROOT / "docs"
PAGE = DOCS / "architecture.md"

Graph = Mapping[str, Collection[str]]
"""Rooms with the rooms that they import."""

WIDTH = 1040
PANELS = {"trainer": (14, 362), "prover": (390, 316), "verifier": (720, 306)}
"""Left edge and width of each package."""
TOP, BOTTOM = 62, 748
BOX_HEIGHT = 42
CHARACTER = 7.3
SMALL_CHARACTER = 6.0
GAP = 14


@dataclass(frozen=True)
class Place:
    """Where a room is drawn."""

    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def shortened(graph: Graph) -> dict[str, list[str]]:
    """The imports without those that follow from others: if a → b → c, then a → c is left out.

    Imports against the order stay.
    """
    below: dict[str, set[str]] = {}

    def reached(room: str) -> set[str]:
        if room not in below:
            below[room] = set()
            for imported in graph[room]:
                if is_downward(room, imported):
                    below[room] |= {imported, *reached(imported)}
        return below[room]

    return {
        room: [
            imported
            for imported in sorted(graph[room])
            if not is_downward(room, imported)
            or not any(imported in reached(via) for via in graph[room] if is_downward(room, via))
        ]
        for room in sorted(graph)
    }


def is_downward(room: str, imported: str) -> bool:
    """Whether an import goes the way that the order allows."""
    return (place_of(room) or (-1, -1)) < (place_of(imported) or (-1, -1))


def draw_rooms(imports: Graph) -> str:
    """The rooms as boxes, the packages side by side, and an arrow for each import within a package.

    What a room imports from other packages is written in its box.
    """
    faces = {f"{package}.__init__" for package in ORDER}
    drawn = {room for room in imports if room not in faces or imports[room]}
    edges = shortened({room: [other for other in imports[room] if other in drawn] for room in drawn})
    abroad = {
        room: [other for other in edges[room] if package_of(other) != package_of(room)] for room in drawn
    }
    parts = []
    for package, (left, width) in PANELS.items():
        parts.append(box(left, 12, width, BOTTOM + 6, "ground"))
        parts.append(text(left + 16, 38, package, "title"))
        floors = floors_of(package, drawn)
        places = places_of(floors, left, width, abroad)
        within = {room: [other for other in edges[room] if other in places] for room in places}
        parts += draw_arrows(within, floors, places, left, width)
        for room, place in places.items():
            parts += draw_room(room, place, abroad[room])
    parts.append(
        text(26, BOTTOM + 8, "in small print: what a room uses of the packages to its right", "small")
    )
    title = "The rooms of trainer, prover and verifier, and which of them import which"
    return picture(WIDTH, BOTTOM + 30, title, parts)


def package_of(room: str) -> str:
    return room.partition(".")[0]


def name_of(room: str) -> str:
    name = room.partition(".")[2]
    return "public face" if name == "__init__" else name


def floors_of(package: str, drawn: Collection[str]) -> list[list[str]]:
    """The floors that have a room to draw; rooms without a place in the order stand above all others."""
    floors = [
        [f"{package}.{name}" for name in names if f"{package}.{name}" in drawn] for names in ORDER[package]
    ]
    unknown = sorted(room for room in drawn if package_of(room) == package and place_of(room) is None)
    return [floor for floor in (unknown, *floors) if floor]


def places_of(
    floors: list[list[str]], left: float, width: float, abroad: Mapping[str, list[str]]
) -> dict[str, Place]:
    pitch = (BOTTOM - TOP) / len(floors)
    places = {}
    for number, floor in enumerate(floors):
        widths = [width_of(room, abroad[room]) for room in floor]
        gap = min(GAP * 2.0, (width - 24 - sum(widths)) / max(1, len(floor) - 1))
        x = left + (width - sum(widths) - gap * (len(floor) - 1)) / 2
        y = TOP + pitch * number + (pitch - BOX_HEIGHT) / 2
        for room, room_width in zip(floor, widths, strict=True):
            places[room] = Place(x, y, room_width)
            x += room_width + gap
    return places


def width_of(room: str, abroad: list[str]) -> float:
    note = sum(len(name_of(other)) + 2 for other in abroad)
    return max(56, len(name_of(room)) * CHARACTER + 18, note * SMALL_CHARACTER + 12)


def draw_room(room: str, place: Place, abroad: list[str]) -> list[str]:
    parts = [box(place.x, place.y, place.width, BOX_HEIGHT, package_of(room))]
    parts.append(text(place.middle, place.y + (19 if abroad else 26), name_of(room), "middle"))
    x = place.middle - sum(len(name_of(other)) + 2 for other in abroad) * SMALL_CHARACTER / 2
    for other in abroad:
        x += SMALL_CHARACTER
        parts.append(text(x, place.y + 34, name_of(other), f"small of-{package_of(other)}"))
        x += (len(name_of(other)) + 1) * SMALL_CHARACTER
    return parts


def draw_arrows(
    edges: Graph, floors: list[list[str]], places: Mapping[str, Place], left: float, width: float
) -> list[str]:
    """An arrow for each import, past the boxes of the floors in between."""
    floor_of = {room: number for number, floor in enumerate(floors) for room in floor}
    passing: defaultdict[tuple[int, float], list[tuple[float, tuple[str, str]]]] = defaultdict(list)
    ways: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for room, imported in sorted((above, below) for above in edges for below in edges[above]):
        ways[room, imported] = []
        start, end = places[room], places[imported]
        first, last = floor_of[room], floor_of[imported]
        for floor in range(first + 1, last):
            x = start.middle + (end.middle - start.middle) * (floor - first) / (last - first)
            gaps = gaps_of([places[other] for other in floors[floor]], left, width)
            nearest = min(gaps, key=lambda at: abs(at - x))
            passing[floor, nearest].append((end.middle, (room, imported)))
    for (floor, gap), passed in sorted(passing.items()):
        y = places[floors[floor][0]].y
        for number, (_, edge) in enumerate(sorted(passed)):
            x = gap + 8 * (number - (len(passed) - 1) / 2)
            ways[edge] += [(x, y - 2), (x, y + BOX_HEIGHT + 2)]
    leaving = ports(ways, places, side="start")
    reaching = ports(ways, places, side="end")
    return [
        arrow(
            [
                (leaving[edge], places[edge[0]].y + BOX_HEIGHT),
                *way,
                (reaching[edge], places[edge[1]].y - 1),
            ],
            "" if is_downward(*edge) else "broken",
        )
        for edge, way in ways.items()
    ]


def gaps_of(floor: list[Place], left: float, width: float) -> list[float]:
    """Where an arrow can pass a floor: left and right of its boxes, and between them."""
    between = [(a.x + a.width + b.x) / 2 for a, b in pairwise(floor)]
    return [
        max(left + 8, floor[0].x - 16),
        *between,
        min(left + width - 8, floor[-1].x + floor[-1].width + 16),
    ]


def ports(
    ways: Mapping[tuple[str, str], list[tuple[float, float]]], places: Mapping[str, Place], side: str
) -> dict[tuple[str, str], float]:
    """Where each arrow leaves its box, or reaches it: side by side, in the order of where it goes."""
    mine, other = (0, 1) if side == "start" else (1, 0)
    found = {}
    for room in {edge[mine] for edge in ways}:

        def x_beyond(edge: tuple[str, str]) -> float:
            way = ways[edge]
            return places[edge[other]].middle if not way else way[0 if side == "start" else -1][0]

        edges = sorted((edge for edge in ways if edge[mine] == room), key=x_beyond)
        place = places[room]
        for number, edge in enumerate(edges, start=1):
            found[edge] = place.x + place.width * number / (len(edges) + 1)
    return found


def rooms_table(rooms: Iterable[str]) -> str:
    """The rooms with what they are for, as Markdown."""
    there = set(rooms)
    rows = [
        f"| [`{room}`]({link_to(room)}) | {purpose} |\n"
        for room, purpose in purposes().items()
        if room in there and not room.endswith("__init__")
    ]
    return "| room | what it is for |\n| --- | --- |\n" + "".join(rows)


def link_to(room: str) -> str:
    path = room.replace(".", "/")
    return f"../{path}" if (ROOT / path).is_dir() else f"../{path}.py"


def with_rooms(page: str) -> str:
    """A page with the table of rooms as it is now."""
    return re.sub(
        r"(<!-- rooms -->\n).*?(<!-- /rooms -->)",
        lambda match: f"{match[1]}{rooms_table(room_imports())}{match[2]}",
        page,
        flags=re.DOTALL,
    )


@dataclass(frozen=True)
class Stop:
    """A row of the table of an attempt's way."""

    process: str
    module: str
    function: str
    """With its class, if it is a method."""
    does: str
    carries: str
    """What takes the attempt on to another process: a stream, or an operation of a Lean worker."""


def read_stops(page: str) -> list[Stop]:
    """The stops of an attempt, from the table between `<!-- attempt -->` and `<!-- /attempt -->`."""
    (table,) = re.findall(r"<!-- attempt -->\n(.*?)<!-- /attempt -->", page, flags=re.DOTALL)
    stops = []
    for line in table.splitlines()[2:]:
        process, place, does, carries = (cell.strip() for cell in line.strip("|").split("|"))
        module, _, function = place.strip("`").partition(":")
        stops.append(Stop(process, module, function, does, carries.strip("`")))
    return stops


LANES = {"trainer": "trainer", "generator": "prover", "verifier": "verifier", "Lean": "lean"}
"""The processes from left to right, with how they look."""
CODE_CHARACTER = 6.75
LINE = 17


def draw_attempt(stops: list[Stop]) -> str:
    """A lane for each process, and a box for each visit of the attempt to one, from top to bottom."""
    lanes = {}
    x = 14.0
    for lane in LANES:
        longest = max(len(words_of(stop)) for stop in stops if lane_of(stop) == lane)
        lanes[lane] = (x, longest * CODE_CHARACTER + 20)
        x += lanes[lane][1] + 26
    boxes, arrows, y = [], [], 62.0
    visits = [list(visit) for _, visit in groupby(stops, key=lambda stop: stop.process)]
    for visit, following in zip(visits, [*visits[1:], None], strict=True):
        left, width = lanes[lane_of(visit[0])]
        height = LINE * len(visit) + 14
        boxes.append(box(left, y, width, height, LANES[lane_of(visit[0])]))
        boxes += [
            text(left + 10, y + 20 + LINE * number, words_of(stop), "code")
            for number, stop in enumerate(visit)
        ]
        y += height
        if following is not None:
            here = left + width / 2
            there = lanes[lane_of(following[0])][0] + lanes[lane_of(following[0])][1] / 2
            label = visit[-1].carries
            arrows.append(arrow([(here, y), (there, y + 35)]))
            at = here + 8 if here < there else here - 8 - len(label) * SMALL_CHARACTER
            arrows.append(text(at, y + 30, label, "small"))
            y += 36
    grounds = [
        part
        for lane, (left, width) in lanes.items()
        for part in (
            box(left - 8, 12, width + 16, y, "ground"),
            text(left + 10, 38, lane, f"title of-{LANES[lane]}"),
        )
    ]
    title = "The way of an attempt: from the choice of a theorem to the step that learns from its verdict"
    return picture(x - 12, y + 24, title, [*grounds, *arrows, *boxes])


def lane_of(stop: Stop) -> str:
    return stop.process.partition(" ")[0]


def words_of(stop: Stop) -> str:
    """The module in its package, and the function; the table on the page has the whole path."""
    if stop.module.endswith(".lean"):
        return f"{stop.process.partition(' ')[2]}: {stop.function}"
    return f"{stop.module.partition('.')[2]}: {stop.function.rpartition('.')[2]}"


def drawings(page: str) -> dict[str, str]:
    """The SVG files of the documentation, by name."""
    return {"rooms.svg": draw_rooms(room_imports()), "attempt.svg": draw_attempt(read_stops(page))}


if __name__ == "__main__":
    PAGE.write_text(with_rooms(PAGE.read_text("utf-8")), "utf-8")
    for name, drawing in drawings(PAGE.read_text("utf-8")).items():
        Path(DOCS / name).write_text(drawing, "utf-8")
