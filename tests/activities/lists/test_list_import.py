"""List import: from a file, line by line; from a shared audience, identifier by identifier."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

import engine
from activities.connectors.experience_cloud.connection import ExperienceCloud
from activities.connectors.experience_cloud.outbound_files import OutboundFiles
from activities.connectors.experience_cloud.settings import OutboundTemplates
from activities.connectors.object_store import StoreSettings, open_store
from activities.lists.list_import import ListImport
from engine import registry
from engine.kit.errors import AuthorError, DataError, NotYet
from engine.kit.population import Inputs, Population
from engine.lang import loader
from engine.runs.guard import GuardTrip
from tests.contract.world import World, activity, ecid

FILE = "type: list_import\nlist: people\nfile: people.csv"
LINES = "type: list_import\nlist: lines\nfile: lines.csv\ndimension: purchase"
AUDIENCE = "type: list_import\nlist: vip\naudience: loyal_vip"


def imported(world: World, content: str | bytes, options: str = "") -> dict[str, Population]:
    world.write("people.csv", content)
    return world.run(f"{FILE}\n{options}")


def declared(identifier: str) -> str:
    return sha256(identifier.encode()).hexdigest()


# from a file


def test_the_keys_of_a_file_become_a_list_of_the_dimension(world: World) -> None:
    done = imported(world, "household_id,note\n3,Frau Müller\n999,nobody\n5,Élodie\n")
    assert world.list_rows("people") == [3, 5]
    assert world.rows(done["result"]) == [3, 5]
    assert done["result"].dimension == "household"
    assert world.rows(done["unmatched"]) == [(3, "999", "nobody")]
    assert world.rows(done["ambiguous"]) == []


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfhousehold_id,note\r\n3,a\r\n5,b\r\n",
        "household_id,note\n\n3,a\n\n\n5,b\n\n",
        "household_id,note\n3,a\n5,b",
        'note,household_id\n"a, with ""quotes"" and\na line end",3\n"",5\n',
        " household_id , note \n 3,a\n5 ,b\n",
        '"household_id"\n"3"\n"5"\n',
        "household_id\n3\n\n5\n",
    ],
    ids=["bom-and-crlf", "blank-lines", "no-last-line-end", "quotes", "blanks", "quoted-single", "single"],
)
def test_a_file_may_be_written_in_many_ways(world: World, content: str | bytes) -> None:
    imported(world, content)
    assert world.list_rows("people") == [3, 5]


def test_a_key_on_several_lines_counts_once(world: World) -> None:
    done = imported(world, "household_id\n3\n5\n3\n 3\n")
    assert world.list_rows("people") == [3, 5]
    assert (done["result"].count, done["unmatched"].count) == (2, 0)
    said = world.ledger.filled("people")
    assert said is not None
    assert [said[name] for name in ("lines", "matched", "unmatched", "duplicate")] == [4, 2, 0, 2]


def test_every_line_that_finds_nobody_is_unmatched_also_when_it_repeats(world: World) -> None:
    done = imported(world, "household_id,note\n99,a\n3,b\n99,c\n,d\nthree,e\n3.0,f\n03,g\n")
    assert world.list_rows("people") == [3]
    assert world.rows(done["unmatched"]) == [
        (2, "99", "a"),
        (4, "99", "c"),
        (5, None, "d"),
        (6, "three", "e"),
        (7, "3.0", "f"),
    ]


@pytest.mark.parametrize("type_", ["CHAR(5)", "VARCHAR(5)"])
def test_blanks_at_the_ends_of_a_text_key_hide_nobody(tmp_path: Path, database_url: str, type_: str) -> None:
    table = f"codes_{uuid4().hex[:8]}"
    made = sa.create_engine(database_url)
    with made.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {table} (code {type_} PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('ab'), ('cd '), ('ef')")  # noqa: S608
    made.dispose()
    project = f"databases: {{default: {{url: '{database_url}', work_schema: {table}}}}}\ndimensions: {{code: {{table: {table}, key: code}}}}\n"
    (tmp_path / "project.yaml").write_text(project, encoding="utf-8")
    (tmp_path / "codes.csv").write_text("code\nab \ncd\ngh\n", encoding="utf-8")
    written = "workflow: w\ndimension: code\nactivities:\n  out: {type: list_import, list: out, file: codes.csv}\n"
    (tmp_path / "w.yaml").write_text(written, encoding="utf-8")
    done = engine.run(tmp_path / "w.yaml")
    assert done.errors == ()
    assert done.activities["out"].outputs == {"result": 2, "unmatched": 1, "ambiguous": 0, "rejects": 0}


def test_rejected_lines_are_not_kept_in_memory(offline_world: World) -> None:
    peaks = []
    for lines in (100_000, 300_000):
        tracemalloc.start()
        with pytest.raises(DataError, match=r"people\.csv:2: 2 values instead of 1"):
            imported(offline_world, "household_id\n" + f"1,{'x' * 60}\n" * lines)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_composite_keys_are_found_whole_and_a_column_may_be_called_line(world: World) -> None:
    world.write("lines.csv", "line,basket_id,note\n1,100,a\n2,100,b\n2,101,c\n")
    done = world.run(LINES)
    assert world.list_rows("lines") == [(100, 1), (100, 2)]
    assert world.rows(done["unmatched"]) == [(4, "2", "101", "c")]


def test_a_line_with_too_few_or_too_many_values_fails_the_import_and_is_named(world: World) -> None:
    world.write_list("people", world.given("household_id integer", [8]))
    with pytest.raises(DataError) as caught:
        imported(world, 'household_id,note\n3,a\n5\n"6\n",b\n7,c,d\n')
    path = world.folder / "people.csv"
    assert caught.value.message == f"{path}:3: 1 values instead of 2\n{path}:6: 3 values instead of 2"
    assert world.list_rows("people") == [8]


def test_only_the_first_bad_lines_are_named_and_the_others_counted(world: World) -> None:
    with pytest.raises(DataError) as caught:
        imported(world, "household_id,note\n" + "3\n" * 1200)
    assert caught.value.message.count("1 values instead of 2") == 5
    assert caught.value.message.endswith("… and 1,195 more lines")


def test_a_quote_that_never_ends_is_named(world: World) -> None:
    with pytest.raises(DataError, match=r"people\.csv:3: a quote opens a value, and no quote closes it"):
        imported(world, 'household_id,note\n3,a\n5,"b\n')


def test_a_file_that_is_not_utf_8_is_named(world: World) -> None:
    with pytest.raises(DataError, match=r"people\.csv:3: the line is not of the file's encoding"):
        imported(world, "household_id,note\n5,a\n3,Müller\n".encode("latin-1"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,note\n3,a\n", "the header has no column 'household_id', the key of household"),
        ("", "the header has no column 'household_id', the key of household"),
        ("\n3\n", "the header has no column 'household_id', the key of household"),
        ("household_id;note\n3;a\n", "the header has no column 'household_id', the key of household"),
        ("household_id,note,Note\n3,a,b\n", "the header names the column 'Note' twice"),
        ("household_id,household_id\n3,3\n", "the header names the column 'household_id' twice"),
        ("household_id,\n3,a\n", "the header has a column without a name"),
    ],
)
def test_a_header_that_cannot_be_used_is_named(offline_world: World, content: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        imported(offline_world, content)
    assert caught.value.message == f"{offline_world.folder / 'people.csv'}:1: {message}"


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_file_with_other_separators_is_told_with_what_to_write(offline_world: World, mark: str) -> None:
    with pytest.raises(DataError) as caught:
        imported(offline_world, f"household_id{mark}note\n1{mark}a\n")
    assert caught.value.fix == f"write 'format: {{separator: {json.dumps(mark)}}}'"


def test_a_header_that_is_not_utf_8_is_named(offline_world: World) -> None:
    with pytest.raises(DataError, match=r"people\.csv:1: the line is not of the file's encoding"):
        imported(offline_world, "household_id,Straße\n3,a\n".encode("latin-1"))


def test_a_missing_file_is_named_with_those_beside_it(offline_world: World) -> None:
    with pytest.raises(DataError, match=r"there is no file .*poeple\.csv") as caught:
        offline_world.run("type: list_import\nlist: people\nfile: poeple.csv")
    assert "do_not_share.csv" in caught.value.fix


def test_a_header_without_lines_empties_the_list_only_where_the_author_says_so(world: World) -> None:
    world.write_list("people", world.given("household_id integer", [8]))
    with pytest.raises(GuardTrip, match="0 rows would be written"):
        imported(world, "household_id\n")
    assert world.list_rows("people") == [8]
    imported(world, "household_id\n", "guard: {on_empty: allow}")
    assert world.list_rows("people") == []


def test_appending_keeps_what_the_list_holds(world: World) -> None:
    world.write_list("people", world.given("household_id integer", [8, 3]))
    imported(world, "household_id\n3\n5\n", "mode: append")
    assert world.list_rows("people") == [3, 5, 8]


def test_rejected_lines_are_rows_with_their_reasons(world: World) -> None:
    content = "household_id,score\n3,7\n5\n4,x\nz,9\n8,\n99,1\n"
    columns = "columns:\n  household_id: {type: integer}\n  score: {type: integer}"
    done = imported(world, content, f"{columns}\nerrors: {{at_most: 50%}}")
    assert world.list_rows("people") == [3, 8]
    assert world.rows(done["unmatched"]) == [(7, 99, 1)]
    assert world.rows(done["rejects"]) == [
        (3, None, "5", "1 values instead of 2"),
        (4, "score", "x", "this is no integer"),
        (5, "household_id", "z", "this is no integer"),
    ]


def test_more_rejects_than_allowed_change_nothing(world: World) -> None:
    world.write_list("people", world.given("household_id integer", [8]))
    with pytest.raises(DataError) as caught:
        imported(world, "household_id,note\n3,a\n5\n6\n", "errors: {at_most: 1}")
    assert caught.value.message.count("1 values instead of 2") == 2
    assert world.list_rows("people") == [8]
    assert imported(world, "household_id,note\n3,a\n5\n", "errors: {at_most: 1}")["rejects"].count == 1


def test_a_list_may_hold_a_file_as_it_is(world: World) -> None:
    columns = """columns:
  id: {type: integer}
  name: {trim: true}
  spend: {type: decimal(2)}
  seen: {type: timestamp}
  day: {type: date}
  is_new: {type: boolean}
  ratio: {type: float}"""
    content = (
        "id,name,spend,seen,day,is_new,ratio,more\n"
        '7, "É" ,1.5,2026-11-23 08:30:15.123456,2026-11-23,true,0.5,x\n'
        '7,"a\n,""b""\t\\.",-0.01,,,false,,x\n'
        '8,"",,,,,,\n'
    )
    done = imported(world, content, f"key: line\n{columns}")
    seen = datetime(2026, 11, 23, 8, 30, 15, 123456)  # noqa: DTZ001
    rows = [
        (2, 7, '"É"', Decimal("1.50"), seen, date(2026, 11, 23), True, 0.5),
        (3, 7, 'a\n,"b"\t\\.', Decimal("-0.01"), None, None, False, None),
        (5, 8, None, None, None, None, None, None),
    ]
    assert world.rows(done["result"]) == rows
    assert world.list_rows("people") == rows
    assert done["result"].dimension is None
    assert set(done) == {"result", "rejects"}
    assert world.rows(world.run("type: read_list\nlist: people\nwhere: id = 8")["result"], "id") == [8]


def test_a_list_of_lines_is_written_again_and_the_one_before_stays_readable(world: World) -> None:
    imported(world, "a\n1\n", "key: line")
    before = world.ledger.read_lists()["people"]
    imported(world, "a\n2\n3\n", "key: line")
    assert world.rows(before) == [(2, "1")]
    assert world.list_rows("people") == [(2, "2"), (3, "3")]


def test_an_option_by_a_variable_makes_no_option_of_those_that_are_not_written(offline_world: World) -> None:
    offline_world.write("people.csv", "0001Ann\n0002Bob\n")
    workflow = """workflow: w
variables:
  n: {type: integer, default: 4}
activities:
  tested:
    type: list_import
    list: people
    file: people.csv
    key: line
    format: {type: fixed_width, skip_lines: vars.n - 3}
    columns: {id: {type: integer, width: vars.n}, name: {width: 10}}
"""
    done = offline_world.perform(loader.load(workflow, "w.yaml", registry.load().activities), Inputs({}))
    assert offline_world.rows(done["result"]) == [(2, 2, "Bob")]


# from a shared audience


@pytest.mark.contract("G", "identifiers that find nobody are told")
def test_identifiers_find_their_rows_or_nobody_or_several(world: World) -> None:
    members = {name: declared(name) for name in ("a-001", "b-003", "c-008", "é-005", "nobody")}
    world.cloud.add_members("10603117", members.values())
    done = world.run(AUDIENCE)
    assert world.rows(done["result"]) == [3, 5, 8]
    assert world.list_rows("vip") == [3, 5, 8]
    assert world.rows(done["unmatched"]) == [members["nobody"]]
    assert world.rows(done["ambiguous"]) == [members["a-001"]]


def test_a_visitor_id_is_compared_as_it_is(world: World) -> None:
    world.cloud.add_members("10603119", [ecid(2), ecid(1), ecid(77)])
    done = world.run("type: list_import\nlist: vip\naudience: by_ecid")
    assert world.rows(done["result"]) == [2]
    assert world.rows(done["ambiguous"]) == [ecid(1)]
    assert world.rows(done["unmatched"]) == [ecid(77)]


def test_a_row_is_found_by_each_of_its_identifiers_that_finds_no_other(world: World) -> None:
    world.identify("plain", "purchases.product_id")
    world.cloud.add_members("10603121", ["10", "11", "12", "99"])
    done = world.run("type: list_import\nlist: vip\naudience: by_plain")
    assert world.list_rows("vip") == [1, 5]
    assert world.rows(done["unmatched"]) == ["99"]
    assert world.rows(done["ambiguous"]) == ["10"]


@pytest.mark.contract("G", "an import replaces the whole list")
def test_an_import_replaces_the_whole_list(world: World) -> None:
    world.write_list("vip", world.given("household_id integer, note text", [(1, "old")]))
    world.cloud.add_members("10603117", [declared("b-003")])
    world.run(AUDIENCE)
    assert world.list_rows("vip") == [3]


def test_an_import_that_finds_nobody_leaves_the_list(world: World) -> None:
    world.write_list("vip", world.given("household_id integer", [1]))
    with pytest.raises(GuardTrip, match="0 rows would be written"):
        world.run(AUDIENCE)
    assert world.list_rows("vip") == [1]


def test_an_import_done_again_reads_the_file_it_chose(world: World) -> None:
    world.cloud.add_members("10603117", [declared("b-003")])
    world.run(AUDIENCE, run="one")
    world.cloud.add_members("10603117", [declared("c-008")])
    done = world.run(AUDIENCE, run="one")
    assert world.rows(done["result"]) == [3]
    assert world.list_rows("vip") == [3]
    assert world.rows(world.run(AUDIENCE, run="two")["result"]) == [3, 8]


def test_an_audience_by_a_data_source_of_another_dimension_is_refused(offline_world: World) -> None:
    with pytest.raises(
        AuthorError, match="the data source 'crm_id' identifies household, the population is of purchase"
    ):
        offline_world.run(f"{AUDIENCE}\ndimension: purchase")


def test_an_audience_without_a_segment_cannot_be_read(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="the audience 'unborn' cannot be read"):
        offline_world.run("type: list_import\nlist: vip\naudience: unborn")


def test_an_audience_that_experience_cloud_knows_by_half_cannot_be_read(offline_world: World) -> None:
    offline_world.declare("audiences", "loyal_vip", trait=None)
    with pytest.raises(DataError, match="cannot export the segment 10603117: no segment '10603117'") as caught:
        offline_world.run(AUDIENCE)
    assert caught.value.fix.startswith("write the audience's 'trait'")


@pytest.mark.parametrize(
    "options",
    [
        "",
        "file: a.csv\naudience: loyal_vip",
        "audience: loyal_vip\nmode: append",
        "audience: loyal_vip\nkey: line",
        "file: a.csv\nkey: line\nmode: append",
    ],
    ids=["no-source", "two-sources", "append-an-audience", "lines-of-an-audience", "append-lines"],
)
def test_a_list_has_one_source(options: str) -> None:
    with pytest.raises(
        AuthorError, match=r"a list is imported from either|always replaces|is for files|lines cannot be"
    ):
        activity(f"type: list_import\nlist: x\n{options}")


def test_a_column_that_the_file_may_have_is_to_be_declared(offline_world: World) -> None:
    effect = (
        offline_world.load("type: list_import\nlist: lines\nfile: lines.csv\nkey: line").activities["tested"].activity
    )
    assert isinstance(effect, ListImport)
    outputs = effect.plan(Inputs({}), offline_world.catalog).outputs
    lines = offline_world.keep(outputs["result"].emptied())
    for name in ("mail", "row.mail"):
        with pytest.raises(AuthorError) as caught:
            offline_world.run(f"type: deduplication\nby: {name}", lines)
        (problem,) = caught.value.diagnostics
        assert problem.code == "E301"
        assert problem.fix.startswith(
            "if the file has it, say so in the list_import: 'columns: {mail: {type: text}}' (columns: "
        )
    with pytest.raises(AuthorError, match="fix: write 'line'"):
        offline_world.run("type: deduplication\nby: lines", lines)


# transfers of an audience, one after the other


FIRST, DAY = 1_795_300_000_000, 86_400_000
"""The moment of the first transfer, 2026-11-21 22:26 UTC, and how long a day is: in milliseconds."""


@dataclass
class Deliveries:
    """Experience Cloud leaves transfers in a folder, and the world imports from there."""

    world: World

    def __post_init__(self) -> None:
        (self.world.folder / "out").mkdir()
        self.world.connect = self.connect

    def leave(self, mode: str, day: int, *lines: str, part: str = "") -> None:
        """Leave a file: `+2` says that the visitor id of household 2 is in the segment, `-2` that it left."""
        text = "".join(
            f"{ecid(int(line[1:]))}\t{'10603119' if line[0] == '+' else '10603118'}\t{'' if line[0] == '+' else '10603119'}\n"
            for line in lines
        )
        self.world.write(f"out/S3_91011_5678_{mode}_{FIRST + day * DAY}{part}.sync", text)

    def connect(self, _connector: str) -> ExperienceCloud:
        store = OutboundFiles(open_store(StoreSettings.model_validate({"url": "out"}), self.world.surroundings))
        return ExperienceCloud(
            export_store=store,
            import_store=store,
            transfers=lambda _segment, source, taken: store.transfers("91011", source.id, source.came_back, taken),
        )

    def take(self, options: str = "") -> list[Any]:
        """Import, and give the list."""
        self.world.run(f"type: list_import\nlist: vip\naudience: by_ecid\n{options}")
        return self.world.list_rows("vip")

    def said(self) -> Mapping[str, Any]:
        said = self.world.ledger.filled("vip")
        assert said is not None
        return said


@pytest.fixture
def deliveries(world: World) -> Deliveries:
    return Deliveries(world)


@pytest.fixture
def offline_deliveries(offline_world: World) -> Deliveries:
    return Deliveries(offline_world)


def test_increments_change_what_a_full_transfer_said(deliveries: Deliveries) -> None:
    deliveries.leave("full", 0, "+2", "+5")
    assert deliveries.take() == [2, 5]
    deliveries.leave("iter", 1, "+8", "-2")
    assert deliveries.take() == [5, 8]
    deliveries.leave("iter", 3, "+2", "-8")
    deliveries.leave("iter", 2, "-5", "+77")
    assert deliveries.take() == [2]
    deliveries.leave("full", 4, "+8")
    assert deliveries.take() == [8]


def test_an_audience_of_increments_alone_begins_with_the_oldest(deliveries: Deliveries) -> None:
    deliveries.leave("iter", 0, "+2", "+5", part="001")
    deliveries.leave("iter", 0, "+8", part="002")
    deliveries.leave("iter", 1, "-5")
    assert deliveries.take() == [2, 8]
    deliveries.leave("iter", 2, "-2")
    assert deliveries.take() == [8]


def test_increments_of_which_the_oldest_takes_somebody_out_are_not_all_there(deliveries: Deliveries) -> None:
    deliveries.leave("iter", 1, "+2", "-8")
    with pytest.raises(DataError, match="the oldest incremental transfer takes members out") as caught:
        deliveries.take()
    assert caught.value.fix == "have a full transfer sent, which the next run takes"
    deliveries.leave("full", 2, "+2")
    assert deliveries.take() == [2]


def test_who_is_in_the_audience_is_looked_up_anew_by_each_run(deliveries: Deliveries) -> None:
    deliveries.leave("full", 0, "+2", "+3")
    assert deliveries.take() == [2]
    with deliveries.world.db.transaction() as connection:
        table = deliveries.world.catalog.dimension("household").table
        connection.execute(sa.update(table).where(table.c.household_id == 3).values(ecid=ecid(3)))
    try:
        assert deliveries.take() == [2, 3]
    finally:
        with deliveries.world.db.transaction() as connection:
            connection.execute(sa.update(table).where(table.c.household_id == 3).values(ecid=None))


def test_the_report_counts_and_names_nobody(deliveries: Deliveries) -> None:
    deliveries.leave("full", 0, "+1", "+2", "+5", "+8", "+77", "+78", "+5")
    deliveries.leave("iter", 1, "-78")
    deliveries.world.declare("audiences", "by_ecid", purpose="advertising")
    assert deliveries.take() == [2, 5, 8]
    said = deliveries.said()
    names = ("identifiers", "matched", "unmatched", "ambiguous", "duplicate", "opted_out", "rows")
    assert [said[name] for name in names] == [5, 3, 1, 1, 1, 2, 3]
    assert said["newest_transfer"] == "2026-11-22 22:26 UTC"
    assert ecid(5) not in str(said)


def test_the_report_says_nothing_of_consent_where_nobody_said_what_is_asked(offline_deliveries: Deliveries) -> None:
    offline_deliveries.world.declare("audiences", "by_ecid", purpose=None)
    offline_deliveries.leave("full", 0, "+2")
    assert offline_deliveries.take() == [2]
    assert "opted_out" not in offline_deliveries.said()


def test_without_a_new_transfer_the_members_stay_or_the_run_fails_or_waits(offline_deliveries: Deliveries) -> None:
    with pytest.raises(
        DataError, match="no complete file of destination 91011 and data source 5678 lies in the import_store"
    ):
        offline_deliveries.take()
    offline_deliveries.leave("full", 0, "+2")
    assert offline_deliveries.take("when_no_file: wait") == [2]
    assert offline_deliveries.take() == [2]
    missing = "no transfer newer than that of 2026-11-21 22:26 UTC of destination 91011"
    with pytest.raises(DataError, match=missing):
        offline_deliveries.take("when_no_file: fail")
    with pytest.raises(NotYet, match=missing) as caught:
        offline_deliveries.take("when_no_file: wait")
    assert caught.value.pause == timedelta(minutes=30)
    offline_deliveries.leave("iter", 1, "+5", part="002")
    with pytest.raises(NotYet, match="that of 2026-11-22 22:26 UTC is not there whole"):
        offline_deliveries.take("when_no_file: wait")
    assert offline_deliveries.world.list_rows("vip") == [2]


def test_a_transfer_that_is_too_old_changes_nothing(offline_deliveries: Deliveries) -> None:
    offline_deliveries.leave("full", 0, "+2")  # 34 hours before now
    with pytest.raises(DataError) as caught:
        offline_deliveries.take("stale_after: 34h")
    assert caught.value.message == (
        "the newest transfer of destination 91011 and data source 5678 is of 2026-11-21 22:26 UTC, 34 hours ago, which is more than 'stale_after'"
    )
    assert "vip" not in offline_deliveries.world.ledger.read_lists()
    assert offline_deliveries.take("stale_after: 35h") == [2]
    offline_deliveries.leave("iter", 1, "+5")
    assert offline_deliveries.take("stale_after: 34h\nwhen_no_file: wait") == [2, 5]


def test_how_old_a_transfer_is_cannot_be_held_where_names_do_not_say_it(offline_deliveries: Deliveries) -> None:
    template = OutboundTemplates.model_validate({"name": "members_<ORDER_ID>.csv"})
    offline_deliveries.world.declare("data_sources", "ecid", template=template)
    offline_deliveries.world.write("out/members_91011.csv", f"{ecid(2)}\t10603119\t\n")
    with pytest.raises(DataError, match="do not say when they were sent, so 'stale_after' cannot be held"):
        offline_deliveries.take("stale_after: 36h")
    assert offline_deliveries.take() == [2]
    offline_deliveries.world.write("out/members_91011.csv", f"{ecid(8)}\t10603119\t\n")
    assert offline_deliveries.take() == [8]


def test_a_run_that_stopped_does_not_take_back_what_another_one_has_imported_since(offline_deliveries: Deliveries) -> None:  # fmt: skip
    world, text = offline_deliveries.world, "type: list_import\nlist: vip\naudience: by_ecid\nguard: {min: 2}"
    offline_deliveries.leave("full", 0, "+2")
    with pytest.raises(GuardTrip):
        world.run(text, run="stopped")
    offline_deliveries.leave("iter", 1, "+5")
    assert offline_deliveries.take() == [2, 5]
    with pytest.raises(DataError, match="another run has filled the list 'vip' since this one chose its files"):
        world.run(text, run="stopped")
    assert world.list_rows("vip") == [2, 5]


def test_an_increment_by_a_template_that_does_not_say_who_left_is_refused(offline_deliveries: Deliveries) -> None:
    template = {"content": '<MCID><TAB><SEGMENT_LIST; separator=",">'}
    offline_deliveries.world.declare("data_sources", "ecid", template=OutboundTemplates.model_validate(template))
    offline_deliveries.world.write(f"out/S3_91011_5678_iter_{FIRST}.sync", f"{ecid(2)}\t10603119\n")
    with pytest.raises(DataError, match="does not say who has left a segment"):
        offline_deliveries.take()


def test_another_audience_in_the_same_list_begins_anew(offline_deliveries: Deliveries) -> None:
    offline_deliveries.leave("full", 0, "+2")
    assert offline_deliveries.take() == [2]
    offline_deliveries.world.declare("audiences", "by_ecid", segment="10603118")
    offline_deliveries.leave("iter", 1, "-8")  # and has joined the other segment
    assert offline_deliveries.take() == [8]


@pytest.mark.parametrize("option", ["when_no_file: wait", "stale_after: 36h"])
def test_how_long_to_wait_is_for_audiences(option: str) -> None:
    with pytest.raises(AuthorError, match="is for audiences"):
        activity(f"type: list_import\nlist: x\nfile: a.csv\n{option}")
