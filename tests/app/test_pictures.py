"""Drawings of workflows, as SVG and PNG: what is read here is what the drawing says, not what drew it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import font_roboto
import pytest
import resvg_py
from typer.testing import CliRunner

from engine.app.cli import app
from engine.app.cli.output import STYLES
from engine.app.pictures import measure, theme
from engine.app.pictures.figure import Figure
from engine.app.pictures.icons import GENERIC, ICONS, icon
from engine.app.pictures.layout import DrawMissing
from engine.app.pictures.png import png
from engine.app.pictures.svg import svg
from engine.app.result import Activity, RunResult
from tests.demo_data import WORKFLOWS, demo_file
from tests.pictures import DOCUMENTED, REFERENCES, drawn_for_docs, figure

SVG = "{http://www.w3.org/2000/svg}"
NAMES = [
    "after_a_run",
    "chain",
    "control",
    "diamond",
    "fan",
    "lanes",
    "long_words",
    "notes",
    "notes_above",
    "single",
    "sixty_activities",
    "switched_off",
    "wide_split",
]

OUTCOMES = {
    "buyers": ("succeeded", {"result": 1234567}),
    "visitors": ("succeeded", {"result": 98765}),
    "opted_out": ("succeeded", {"result": 0}),
    "reached": ("succeeded", {"result": 1300000}),
    "eligible": ("succeeded", {"result": 1299999, "complement": 1}),
    "groups": ("succeeded", {"control": 130000, "vip": 45, "complement": 1169954}),
    "share_vip": ("succeeded", {"result": 40, "complement": 5, "suppressed": 0}),
    "share_rest": ("failed", {}),
    "keep": ("guarded", {}),
    "twins": ("running", {}),
    "late": ("not_started", {}),
}
MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
RESULT = RunResult(
    run="20180101-0001", workflow="after_a_run", key=None, started_at=MOMENT, time=MOMENT, variables={},
    status="suspended", transitions=(), errors=(),
    activities={
        name: Activity(status=status, seconds=1, outputs=outputs, message="answered <503>" if status == "failed" else "")
        for name, (status, outputs) in OUTCOMES.items()
    },
)  # fmt: skip


@dataclass(frozen=True)
class Rectangle:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Rectangle) -> bool:
        apart = other.right <= self.left or self.right <= other.left
        return not apart and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Rectangle) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def grown(self, by: float) -> Rectangle:
        return Rectangle(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def has_on_border(self, x: float, y: float) -> bool:
        point = Rectangle(x, y, x, y)
        return self.grown(1.5).holds(point) and not self.grown(-1.5).holds(point)


@dataclass(frozen=True)
class Drawing:
    """What a drawing says, in its own coordinates."""

    root: Element
    page: Rectangle
    boxes: dict[str, Rectangle]
    arrows: list[tuple[str, str, list[tuple[float, float]]]]
    words: list[tuple[str, Rectangle]]
    written: list[tuple[str, Rectangle]]
    notes: list[Rectangle]
    lanes: dict[str, Rectangle]


def named(name: str) -> Figure:
    return figure(REFERENCES / f"{name}.yaml", RESULT if name == "after_a_run" else None)


def read(text: str) -> Drawing:
    root = ElementTree.fromstring(text)  # noqa: S314 - we wrote it
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    found = list(shifted(root, 0, 0))
    boxes, lanes = {}, {}
    for element, x, y in found:
        style = element.get("class", "")
        if style == "box":
            boxes[element.attrib["data-id"]] = rectangle(element.find(f"{SVG}rect"), x, y)
        elif style == "band":
            lanes[element.attrib["data-lane"]] = rectangle(element.find(f"{SVG}rect"), x, y)
    words = [(e, x, y) for e, x, y in found if e.get("class", "").split()[:1] == ["words"]]
    return Drawing(
        root=root,
        page=Rectangle(0, 0, width, height),
        boxes=boxes,
        arrows=[arrow(e, x, y) for e, x, y in found if e.get("class", "").split()[:1] == ["arrow"]],
        words=[letters(line, x, y) for e, x, y in words for line in e.iter(f"{SVG}text")],
        written=[letters(e, x, y) for e, x, y in found if e.tag == f"{SVG}text"],
        notes=[outline(e, x, y) for e, x, y in found if e.get("class") == "sheet"],
        lanes=lanes,
    )


def shifted(element: Element, x: float, y: float) -> Iterator[tuple[Element, float, float]]:
    """Give every element and where its coordinates begin."""
    if move := re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", "")):
        x, y = x + float(move[1]), y + float(move[2])
    yield element, x, y
    for child in element:
        yield from shifted(child, x, y)


def rectangle(element: Element | None, x: float, y: float) -> Rectangle:
    assert element is not None
    left, top = x + float(element.get("x", 0)), y + float(element.get("y", 0))
    return Rectangle(left, top, left + float(element.attrib["width"]), top + float(element.attrib["height"]))


def numbers(element: Element | None) -> list[float]:
    assert element is not None
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", element.attrib["d"])]


def arrow(element: Element, x: float, y: float) -> tuple[str, str, list[tuple[float, float]]]:
    """Give where an arrow says it begins and ends, and where it does: its start, its bends, its tip."""
    shaft, head = (numbers(element.find(f"{SVG}path[@class='{part}']")) for part in ("shaft", "head"))
    points = [(x + a, y + b) for a, b in zip(shaft[::2], shaft[1::2], strict=True)]
    return element.attrib["data-from"], element.attrib["data-to"], [*points, (x + head[0], y + head[1])]


def letters(element: Element, x: float, y: float) -> tuple[str, Rectangle]:
    text, size = element.text or "", float(element.attrib["font-size"])
    wide = measure.width(text, size, is_bold="bold" in element.attrib["class"])
    left = x + float(element.attrib["x"]) - (wide / 2 if element.get("text-anchor") == "middle" else 0)
    base = y + float(element.attrib["y"])
    return text, Rectangle(left, base - size * 0.76, left + wide, base + size * 0.24)


def outline(element: Element, x: float, y: float) -> Rectangle:
    """Read `M left top H … l … V bottom H left Z`."""
    left, top, fold, along, _, bottom, _ = numbers(element)
    return Rectangle(x + left, y + top, x + fold + along, y + bottom)


@pytest.fixture(scope="module", params=NAMES)
def reference(request: pytest.FixtureRequest) -> tuple[Figure, Drawing]:
    drawn = named(request.param)
    return drawn, read(svg(drawn))


def test_every_reference_is_looked_at() -> None:
    assert sorted(file.stem for file in REFERENCES.glob("*.yaml")) == NAMES
    assert len(named("sixty_activities").boxes) == 60


def test_every_activity_and_every_arrow_is_drawn_once(reference: tuple[Figure, Drawing]) -> None:
    figure, drawing = reference
    assert sorted(drawing.boxes) == sorted(figure.boxes)
    meant = Counter((f"{a.source}.{a.port}", f"{a.target}.{a.input}") for a in figure.arrows if a.target)
    assert Counter((source, target) for source, target, _ in drawing.arrows) == meant


def test_every_arrow_begins_and_ends_at_its_box(reference: tuple[Figure, Drawing]) -> None:
    _, drawing = reference
    for source, target, points in drawing.arrows:
        assert drawing.boxes[source.partition(".")[0]].has_on_border(*points[0]), source
        assert drawing.boxes[target.partition(".")[0]].has_on_border(*points[-1]), target


def test_no_two_boxes_or_notes_overlap(reference: tuple[Figure, Drawing]) -> None:
    _, drawing = reference
    solid = [*drawing.boxes.values(), *drawing.notes]
    assert [(a, b) for index, a in enumerate(solid) for b in solid[:index] if a.overlaps(b)] == []


def test_no_words_on_an_arrow_overlap_a_box_a_note_or_other_words(reference: tuple[Figure, Drawing]) -> None:
    _, drawing = reference
    solid = [*drawing.boxes.values(), *drawing.notes]
    assert [text for text, area in drawing.words if any(area.overlaps(other) for other in solid)] == []
    assert [
        (text, other)
        for index, (text, area) in enumerate(drawing.words)
        for other, place in drawing.words[:index]
        if area.overlaps(place)
    ] == []


def test_no_arrow_runs_through_a_box_or_a_note(reference: tuple[Figure, Drawing]) -> None:
    _, drawing = reference
    solid = [area.grown(-2) for area in (*drawing.boxes.values(), *drawing.notes)]
    assert [(a[0], a[1]) for a in drawing.arrows if any(crosses(a[2], area) for area in solid)] == []


def test_arrows_keep_off_the_words(reference: tuple[Figure, Drawing]) -> None:
    """Where a control arrow crosses another between two boxes, there may be no room beside it: once in these."""
    figure, drawing = reference
    crossed = [text for text, area in drawing.words if any(crosses(a[2], area) for a in drawing.arrows)]
    assert crossed == (["complement"] if figure.name == "after_a_run" else [])


def crosses(points: list[tuple[float, float]], area: Rectangle) -> bool:
    """Say whether a way of Bézier curves meets a rectangle."""
    for at in range(0, len(points) - 2, 3):
        curve = points[at : at + 4]
        for step in range(101):
            t = step / 100
            shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            x, y = (sum(s * point[axis] for s, point in zip(shares, curve, strict=True)) for axis in (0, 1))
            if area.overlaps(Rectangle(x, y, x + 0.01, y + 0.01)):
                return True
    return False


def test_nothing_is_outside_of_the_page(reference: tuple[Figure, Drawing]) -> None:
    _, drawing = reference
    areas = [*drawing.boxes.values(), *drawing.notes, *drawing.lanes.values(), *(area for _, area in drawing.written)]
    assert [area for area in areas if not drawing.page.holds(area)] == []
    bends = [point for _, _, points in drawing.arrows for point in points]
    assert [point for point in bends if not drawing.page.holds(Rectangle(*point, *point))] == []


def test_no_text_runs_over_the_border_of_its_box_or_note(reference: tuple[Figure, Drawing]) -> None:
    _, drawing = reference
    solid = [*drawing.boxes.values(), *drawing.notes]
    crossing = [
        text for text, area in drawing.written if any(area.overlaps(other) and not other.holds(area) for other in solid)
    ]
    assert crossing == []


def test_a_lane_holds_its_activities_and_no_other(reference: tuple[Figure, Drawing]) -> None:
    figure, drawing = reference
    for lane in figure.lanes:
        if lane.members:
            within = [name for name, box in drawing.boxes.items() if drawing.lanes[lane.name].overlaps(box)]
            assert sorted(within) == sorted(lane.members)
            assert all(drawing.lanes[lane.name].holds(drawing.boxes[name]) for name in within)


def test_a_drawing_has_no_script_and_needs_nothing_from_outside(reference: tuple[Figure, Drawing]) -> None:
    _, drawing = reference
    tags = {element.tag.removeprefix(SVG) for element in drawing.root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "g", "rect", "path", "circle", "text"}
    attributes = {name for element in drawing.root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or name.endswith(("href", "src", "style"))]
    style = drawing.root.findtext(f"{SVG}style") or ""
    assert not re.search(r"url\(|@import|http", style)


def test_a_drawing_can_be_read_aloud(reference: tuple[Figure, Drawing]) -> None:
    figure, drawing = reference
    assert drawing.root.get("role") == "img"
    assert drawing.root.get("aria-labelledby") == "title desc"
    assert drawing.root.findtext(f"{SVG}title[@id='title']") == " ".join((figure.label or figure.name).split())
    description = drawing.root.findtext(f"{SVG}desc[@id='desc']") or ""
    assert all(name in description for name in figure.boxes)


def test_the_same_workflow_gives_the_same_bytes_in_every_process() -> None:
    code = (
        "import sys; from tests.pictures import figure, REFERENCES; from engine.app.pictures.svg import svg; "
        "sys.stdout.buffer.write(svg(figure(REFERENCES / 'sixty_activities.yaml')).encode())"
    )
    outputs = [
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert outputs[0] == outputs[1]
    assert outputs[0].startswith(b"<svg")


def test_a_run_shows_counts_statuses_and_what_nobody_read() -> None:
    drawing = read(svg(named("after_a_run")))
    assert {"1,234,567", "Bought lately", "control", "130,000", "› exclude", "0"} <= {text for text, _ in drawing.words}
    boxes = [element for element in drawing.root.iter(f"{SVG}g") if element.get("class") == "box"]
    lines = {box.attrib["data-id"]: [line.text for line in box.iter(f"{SVG}text")] for box in boxes}
    assert lines["share_vip"] == ["share_vip", "update_shared_audience", "result: 40", "suppressed: 0"]
    assert lines["share_rest"][-1] == "failed"
    assert lines["keep"][-1] == "guarded"
    cards = {box.attrib["data-id"]: next(box.iter(f"{SVG}rect")).attrib["class"] for box in boxes}
    assert cards["share_rest"] == "card bad"
    assert cards["keep"] == "card guarded"
    assert cards["late"] == "card idle off"
    assert "answered <503>" in " ".join(title.text or "" for title in drawing.root.iter(f"{SVG}title"))


def test_control_is_dotted_and_what_did_not_fire_is_quiet() -> None:
    styles = {
        (element.get("data-from"), element.get("data-to")): element.attrib["class"]
        for element in read(svg(named("after_a_run"))).root.iter(f"{SVG}g")
        if element.get("data-from")
    }
    assert styles["share_rest.done", "late.after"] == "arrow after"
    assert styles["twins.result", "late.from"] == "arrow quiet"
    assert styles["groups.vip", "share_vip.from"] == "arrow"


def test_long_words_are_shortened_and_said_in_full() -> None:
    drawing = read(svg(named("long_words")))
    written = [text for text, _ in drawing.written]
    assert "<XL> aus…" in written
    titles = " ".join(title.text or "" for title in drawing.root.iter(f"{SVG}title"))
    assert "Käuferinnen & Käufer der Größe <XL> aus Österreich, Südtirol und der Schweiz, die wiederkamen" in titles


def test_what_xml_cannot_hold_is_replaced() -> None:
    drawn = named("single")
    box = replace(drawn.boxes["all"], label="a\x00b\x1bc\ud800")
    assert "a�b�c�" in svg(replace(drawn, boxes={"all": box}))


def test_a_figure_goes_down_where_it_is_told_to() -> None:
    right = read(svg(named("chain"))).boxes
    down = read(svg(replace(named("chain"), direction="down"))).boxes
    assert right["buyers"].right < right["people"].left
    assert down["buyers"].bottom < down["people"].top


@pytest.mark.parametrize(
    "text",
    ["Österreichs Käufer WMQ@%", "ЖШЩЮ любят ёлку", "ΩΜΨ αβγ", "keep_without_identifier", "1,234,567 … › ·"],
)
@pytest.mark.parametrize("weight", [400, 600])
def test_no_text_is_wider_than_it_was_measured(text: str, weight: int) -> None:
    wide = measure.width(text, 20, is_bold=weight == 600)
    body = f'<text x="0" y="30" font-size="20" font-weight="{weight}" font-family="Roboto" {{}}>{text}</text>'
    clip = f'<clipPath id="c"><rect width="{wide}" height="40"/></clipPath>'
    page = '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="40">{}</svg>'
    whole = png(page.format(clip + body.format("")))
    assert whole == png(page.format(clip + body.format('clip-path="url(#c)"')))
    assert whole != png(page.format(clip))


def test_lines_break_between_words_behind_underscores_and_never_before_a_mark() -> None:
    assert measure.wrap("keep_without_identifier", 90, 12, most=3) == ("keep_without_", "identifier")
    assert measure.wrap("one two three four", 50, 12, most=2) == ("one two", "three…")
    assert measure.wrap("e\u0301" * 20, 60, 12, most=9)[0].count("e") == measure.wrap("e" * 20, 60, 12, most=9)[
        0
    ].count("e")
    assert measure.wrap("", 60, 12, most=2) == ()


TEXTS = [
    (".strong", ".page"), (".strong", ".card"), (".strong", ".lane"), (".weak", ".page"), (".weak", ".card"),
    (".weak", ".lane"), (".remark", ".sheet"), *((f".word.{name}", ".card") for name in ("good", "bad", "guarded", "held", "busy", "idle")),
]  # fmt: skip
SHAPES = [
    (".head", ".page"), (".head", ".lane"), (".quiet .head", ".page"), (".quiet .head", ".lane"),
    *((f".mark.{kind}", f".tile.{kind}") for kind in ("transform", "effect", "control")),
    *((f".disc.{name}", ground) for name in ("good", "bad", "guarded", "held", "busy", "idle") for ground in (".card", ".page", ".lane")),
]  # fmt: skip


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_texts_and_shapes_stand_out_from_their_ground(colours: theme.Theme) -> None:
    paint = painted(theme.style_sheet(colours))
    assert {pair: value for pair in TEXTS if (value := contrast(paint[pair[0]], paint[pair[1]])) < 4.5} == {}
    assert {pair: value for pair in SHAPES if (value := contrast(paint[pair[0]], paint[pair[1]])) < 3} == {}


def test_the_auto_theme_is_light_and_turns_dark_with_the_surroundings() -> None:
    light, dark = theme.style_sheet("auto").split("@media (prefers-color-scheme:dark){\n")
    assert painted(light) == painted(theme.style_sheet("light"))
    assert painted(dark) == painted(theme.style_sheet("dark"))


def painted(style: str) -> dict[str, str]:
    """Give the colour of every selector; of a mark it is the stroke's."""
    rules = re.findall(r"^\.flow ([^{]+)\{(?:fill|stroke):(#\w{6})", style, re.MULTILINE)
    return dict(rules)


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of WCAG 2, 1.4.3."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_status_has_a_colour() -> None:
    assert theme.STATUSES.keys() == STYLES.keys()


def test_a_type_without_an_icon_gets_the_generic_one_and_an_author_may_choose() -> None:
    assert icon("", "of_a_plugin") is GENERIC
    assert icon("no_such_icon", "query") is ICONS["query"]
    assert icon("alert", "query") is ICONS["alert"]
    assert icon("", "update_shared_audience") is ICONS["share"]


@pytest.mark.parametrize("package", ["pygraphviz", "resvg_py", "font_roboto"])
def test_a_missing_package_is_named_with_what_to_install(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DrawMissing) as caught:
        png(svg(named("single")))
    assert package in caught.value.message
    assert caught.value.fix == "pip install 'audienceflow[draw]'"


def test_a_png_needs_no_font_of_the_machine() -> None:
    drawn = svg(named("chain"), "light")
    files = [font_roboto.font_files[name] for name in ("Roboto", "RobotoBold")]
    bare = resvg_py.svg_to_bytes(svg_string=drawn, zoom=2, font_files=files, skip_system_fonts=True)
    assert png(drawn) == bare
    assert png(drawn) != resvg_py.svg_to_bytes(svg_string=drawn, zoom=2, skip_system_fonts=True)


def draw(*words: str) -> bytes:
    result = CliRunner().invoke(app, ["draw", str(WORKFLOWS / "share_list.yaml"), *words], prog_name="audienceflow")
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


def test_a_png_is_twice_as_large_as_its_svg_and_light_unless_told() -> None:
    drawn = read(draw("--format", "svg").decode())
    picture = draw("--format", "png")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (2 * drawn.page.right, 2 * drawn.page.bottom)
    assert picture == draw("--format", "png", "--theme", "light")
    assert picture != draw("--format", "png", "--theme", "dark")


def test_draw_writes_to_a_file(tmp_path: Path) -> None:
    assert draw("--format", "svg", "--theme", "dark", "--output", str(tmp_path / "a.svg")) == b""
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "prefers-color-scheme" not in text
    assert sorted(read(text).boxes) == ["members", "share"]
    assert draw("--output", str(tmp_path / "a.txt")) == b""
    assert (tmp_path / "a.txt").read_bytes() == draw()


def test_draw_goes_the_way_it_is_told() -> None:
    boxes = read(draw("--format", "svg", "--direction", "down").decode()).boxes
    assert boxes["members"].bottom < boxes["share"].top
    assert draw("--format", "mermaid", "--direction", "down").startswith(b"flowchart TD")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_a_png_is_not_written_to_a_terminal() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "engine", "draw", str(WORKFLOWS / "share_list.yaml"), "--format", "png"],
        stdout=theirs, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert "--output picture.png" in done.stderr


def test_the_documented_drawings_are_fresh(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where this fails, `python -m tests.pictures` draws them anew; what the tutorial draws is held to it by its own test."""
    drawn = drawn_for_docs(demo_file(tmp_path_factory), tmp_path_factory.mktemp("documented"))
    assert sorted(drawn) == sorted(file.name for file in DOCUMENTED.iterdir() if file.name != "win_back.svg")
    stale = [name for name, text in drawn.items() if (DOCUMENTED / name).read_text(encoding="utf-8") != text]
    assert stale == []
