"""The page that maps every activity of Campaign to what does its work here; whether that is there is asked of the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.app.reference.markdown import code, document, prose, table
from engine.registry import Registry

_HEAD = """\
Every activity of Campaign Classic, and what does its work here. **Not yet** means that the activity is meant to come and is not in what
is installed; nothing is called done that is not. How expressions and functions differ stands in
[Differences](../differences-from-campaign.md)."""

_ANSWERS = {"needless": "not needed", "never": "no, on purpose"}


@dataclass(frozen=True)
class Counterpart:
    """An activity of Campaign, what does its work here, and how: types of activities, or why there is none."""

    name: str
    here: tuple[str, ...] | Literal["needless", "never"]
    how: str


_DELIVERIES = (
    "there are no messages here: share the population, keep it as a list, or write it into a file for what sends"
)
_OFFERS = "offers are rows of a table of yours: reach them by a link, and choose with a window or a limit"
_SCRIPTS = "what SQL and the expressions cannot say is an [activity of your own](../how-to/write-a-plugin.md), in Python, with tests"
_OUTSIDE = "a workflow starts no programs: what starts it can start others before and after ([schedulers](../how-to/schedule.md))"

_TARGETING = (
    Counterpart(
        "Query",
        ("query",),
        "`where`, `add`, `lines` and `refine`; a filtering dimension is a condition over a link, with its groups",
    ),
    Counterpart(
        "Incremental query",
        ("incremental_query",),
        "rows not given before, by their keys or by a date; a scheduler starts the workflow",
    ),
    Counterpart("Read list", ("read_list",), ""),
    Counterpart("Union", ("union",), "the order of `from` is the priority"),
    Counterpart("Intersection", ("intersection",), "the first of `from` is the primary set"),
    Counterpart(
        "Exclusion",
        ("exclusion",),
        "`from` is the main set, `exclude` the others; a set that did not come fails the run",
    ),
    Counterpart("Split", ("split",), "`subsets`, in their order; the remainder is the port `complement`"),
    Counterpart("Cells", ("split",), "each cell is a subset, with `where`, `limit`, `label` and `code`"),
    Counterpart("Offers by cell", "never", _OFFERS),
    Counterpart("Offer engine", "never", _OFFERS),
    Counterpart(
        "Deduplication", ("deduplication",), "the method is the order: `order`; duplicates are the port `complement`"
    ),
    Counterpart(
        "Enrichment",
        ("enrichment",),
        "another population is a link called `with`; data over links can be added by `query` with `from` too",
    ),
    Counterpart(
        "Enrichment, its tab Reconciliation",
        ("reconciliation",),
        "an activity of its own: what is not found has a port",
    ),
    Counterpart("Edit schema", ("edit_schema",), "its links are those of `enrichment`"),
    Counterpart("Change dimension", ("change_dimension",), "those that lead nowhere are the complement"),
    Counterpart(
        "Change data source",
        "never",
        "a workflow runs in one database, where its rows stay; files carry what must move",
    ),
    Counterpart("List update", ("list_update",), "`mode: replace` purges, `mode: append` adds"),
    Counterpart(
        "Import a list; import a shared audience",
        ("list_import",),
        "`file` or `audience`; what is unknown has the port `unmatched`",
    ),
    Counterpart("Update data", ("update_data",), "the dimension says in `writable` what is allowed"),
    Counterpart(
        "Subscription services", ("update_data",), "subscriptions are rows of a table: insert one, or update its state"
    ),
    Counterpart("CRM connector", "never", "the CRM's own tool fills tables, or files that are loaded"),
    Counterpart(
        "Update shared audience", ("update_shared_audience",), "consent and suppression are read again when it leaves"
    ),
    Counterpart("Survey responses", ("query",), "answers are rows: a condition over a link"),
    Counterpart(
        "Predictive split", ("split",), "the score is a column: `where: score >= 0.8`, or `limit` with `by: [-score]`"
    ),
    Counterpart("Delivery outline", "never", _DELIVERIES),
)
_FLOW = (
    Counterpart("Start", "needless", "every activity that waits for none begins"),
    Counterpart("End", "needless", "a branch ends where nothing reads its result"),
    Counterpart("Fork", "needless", "a result may be read by as many activities as name it"),
    Counterpart(
        "AND-join",
        "needless",
        "`after: [a, b]` waits for all of them, in any activity; set activities wait by themselves",
    ),
    Counterpart(
        "Scheduler",
        ("scheduler",),
        "until then, and on servers that have one: [cron or Airflow](../how-to/schedule.md)",
    ),
    Counterpart("Wait", ("wait",), ""),
    Counterpart("Time constraint", ("scheduler",), "when a workflow may run is part of when it is started"),
    Counterpart("Test", ("test",), ""),
    Counterpart("Sub-workflow", ("sub_workflow",), ""),
    Counterpart(
        "Jump (start point, end point)",
        ("jump",),
        "an arrow can point anywhere ahead; a jump is needed to go back only",
    ),
    Counterpart("External signal", ("signal",), ""),
    Counterpart("Approval", ("approval",), ""),
    Counterpart("Alert", ("alert",), "until then: what starts the run reads its exit code, or `--format json`"),
    Counterpart("Task", ("approval",), "somebody is asked, and the answer goes on"),
)
_ACTIONS = (
    Counterpart("Delivery; e-mail, SMS, direct mail and all other channels", "never", _DELIVERIES),
    Counterpart("Delivery control", "never", _DELIVERIES),
    Counterpart("Continuous delivery", "never", _DELIVERIES),
    Counterpart("Recurring delivery", "never", _DELIVERIES),
    Counterpart("Local approval", ("approval",), ""),
    Counterpart("Content management", "never", _DELIVERIES),
    Counterpart("Data loading (file)", ("load_file",), "for a list of keys there is `list_import`"),
    Counterpart("Data loading (RDBMS)", ("query",), "any table of the database can be a dimension"),
    Counterpart("Loading (SOAP)", "never", "whoever calls the service writes a file or a table"),
    Counterpart(
        "Data extraction (file)",
        ("extract_file",),
        "until then `audienceflow lists show NAME --format csv` writes a list",
    ),
    Counterpart("SQL code", ("sql",), ""),
    Counterpart("SQL Data Management", ("sql",), ""),
    Counterpart("JavaScript code", "never", _SCRIPTS),
    Counterpart("Advanced JavaScript code", "never", _SCRIPTS),
    Counterpart("Nlserver module", "never", _OUTSIDE),
    Counterpart("External task", "never", _OUTSIDE),
    Counterpart("Script", "never", _OUTSIDE),
    Counterpart("Import, Export (v4 compatibility)", "never", "files are loaded and extracted as above"),
    Counterpart(
        "Update aggregate",
        "never",
        "there are no cubes: `count`, `sum` and the others are computed when they are asked for",
    ),
)
_EVENTS = (
    Counterpart("File collector", ("collect_file",), ""),
    Counterpart("File transfer", ("transfer_file",), ""),
    Counterpart("Web download", ("web_download",), ""),
    Counterpart("Inbound emails", "never", _DELIVERIES),
    Counterpart("Inbound SMS", "never", _DELIVERIES),
)
SECTIONS = {"Targeting": _TARGETING, "Flow control": _FLOW, "Actions": _ACTIONS, "Events": _EVENTS}


def page(registry: Registry) -> str:
    """Give the page: a table for each tab of Campaign's palette."""
    parts = (part for title, rows in SECTIONS.items() for part in (f"## {title}", _table(rows, registry)))
    return document("Campaign's activities", prose(_HEAD), *parts)


def _table(rows: tuple[Counterpart, ...], registry: Registry) -> str:
    return table(("in Campaign", "here", "how"), ((each.name, _here(each, registry), each.how) for each in rows))


def _here(each: Counterpart, registry: Registry) -> str:
    if isinstance(each.here, str):
        return _ANSWERS[each.here]
    return ", ".join(f"[{code(name)}](activities/{name}.md)" if name in registry.activities else f"**not yet** ({code(name)})"
                     for name in each.here)  # fmt: skip
