"""The use cases that Adobe Campaign documents, and which of them run here. `python -m tests.use_cases.cases` writes the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER / "README.md"
HEAD = """# Use cases

The 48 workflows that Adobe Campaign's documentation describes step by step. Each that runs is a workflow in a folder of
its own here, with the documented numbers as its test where the documentation gives any.

| | use case | here |
|---|---|---|
"""


@dataclass(frozen=True)
class Case:
    """A use case. `folder` is absent where it cannot be shown; `missing` says what activities are, and what else is to be known."""

    title: str
    folder: str = ""
    missing: tuple[str, ...] = ()
    note: str = ""

    @property
    def said(self) -> str:
        missing = ", ".join(f"`{activity}`" for activity in self.missing)
        if not self.folder:
            return f"cannot: needs {missing}{_behind(self.note)}"
        link = f"[`{self.folder}`]({self.folder})"
        return f"{'the part without ' + missing if missing else 'done'}: {link}{_behind(self.note)}"


def _behind(note: str) -> str:
    return f"; {note}" if note else ""


CASES = {
    1: Case("Union of two queries", "01_union_of_two_queries"),
    2: Case("Intersection of three queries", "02_intersection_of_three"),
    3: Case("Exclusion of a city", "03_exclusion"),
    4: Case("Exclusion by a list of e-mails", "04_exclusion_by_email"),
    5: Case("Deduplication, the oldest stays", "05_deduplication_oldest"),
    6: Case("Deduplication before a delivery", "06_deduplication_before_delivery", ("delivery",)),
    7: Case("Deduplication that merges records", "07_deduplication_merge", note="the third date is 10 March, else no rule gives the documented row"),
    8: Case("Winners of a competition", "08_competition"),
    9: Case("A file, enriched, in a list", "09_summary_list", ("file_collector", "load_file", "update_data")),
    10: Case("Who was created on the last day", "10_latest_created"),
    11: Case("Birthday e-mail, with leap days", "11_birthday", ("scheduler", "delivery")),
    12: Case("Dates around a birthday", "12_validity_dates", ("delivery",)),
    13: Case("A list every quarter", "13_quarterly_list", ("scheduler",), "`--at` says the moment; an orchestrator starts it"),
    14: Case("A welcome every week", "14_weekly_welcome", ("scheduler", "delivery")),
    15: Case("A share from a variable", "15_split_by_variable", note="a variable, where Campaign has a script"),
    16: Case("Scopes of variables", "", ("javascript",), "there is one scope here, `vars`"),
    17: Case("A variable in a filter", "17_variable_in_filter", note="a variable, where Campaign has a script"),
    18: Case("Recurring import of a file", "18_recurring_import", ("load_file", "update_data", "extract_file")),
    19: Case("A file with doubled e-mails", "19_doubled_emails", ("load_file", "update_data")),
    20: Case("Updates that do not overlap", "", ("scheduler", "test", "update_data")),
    21: Case("Cross-channel follow-up", "21_cross_channel", ("delivery", "wait")),
    22: Case("Supervision of workflows", "", ("javascript", "test", "delivery", "wait")),
    23: Case("An alert with names", "23_opened_not_clicked", ("test", "alert")),
    24: Case("A local approval of a tenth", "24_share_per_domain", ("approval", "delivery", "wait")),
    25: Case("Recipients of two deliveries", "25_received_two_deliveries"),
    26: Case("Nobody contacted them for a week", "26_not_contacted"),
    27: Case("No open in a week, active in two", "27_opens"),
    28: Case("Clicks per delivery", "28_clicks_per_delivery", note="a population has no order; each row has its number of clicks"),
    29: Case("Domains of more than thirty", "29_big_domains"),
    30: Case("Londoners by gender", "30_london_by_gender"),
    31: Case("A domain outside a city, sorted", "31_domain_filter", note="a population has no order; `place` is a column"),
    32: Case("A file of events, divided", "32_event_file", ("file_collector", "load_file", "update_data")),
    33: Case("A country found by several options", "33_country_link", ("load_file",)),
    34: Case("Personal fields from a file", "34_personal_fields", ("load_file", "delivery")),
    35: Case("Subscription to a newsletter", "35_newsletter_subscription", ("subscription",)),
    36: Case("Four conditions", "36_four_conditions"),
    37: Case("A fork", "37_fork", ("delivery",), "an output may be read several times: no fork is needed"),
    38: Case("A/B test", "38_a_b_test", ("delivery", "wait", "javascript")),
    39: Case("A report by mail", "", ("scheduler", "javascript", "delivery")),
    40: Case("Contents from a file", "", ("transfer_file", "delivery")),
    41: Case("Encrypted files", "", ("load_file", "extract_file")),
    42: Case("Approval of a delivery", "", ("delivery", "approval", "delivery_control")),
    43: Case("Purchases reconciled with people and products", "43_reconcile_purchases", ("load_file", "update_data")),
    44: Case("A file that becomes an audience", "44_file_to_audience", ("load_file",)),
    45: Case("Subscriptions from a file", "45_subscriptions_from_file", ("load_file", "subscription")),
    46: Case("Enrichment by purchases", "46_purchases_enrichment", ("load_file",)),
    47: Case("Age groups", "47_age_groups"),
    48: Case("A search in workflows", "", ("javascript", "and_join", "test", "jump", "alert")),
}  # fmt: skip


def rows() -> Iterator[str]:
    for number, case in CASES.items():
        yield f"| {number} | {case.title} | {case.said} |\n"


def page() -> str:
    return HEAD + "".join(rows())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
