"""What the contract of Experience Cloud's files says, statement by statement, and why some have no test.

    pytest tests/activities --write-contract

writes the table of `tests/contract/experience_cloud.md`. A test says which statement it shows: `@pytest.mark.contract("A2", "one tab")`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

TABLE = Path(__file__).parent / "contract" / "experience_cloud.md"
HEAD = """# What Experience Cloud's files must be, and the test that shows it

Written by `pytest tests/activities --write-contract`. The sections are those of the contract:
A inbound files, B identifiers and ID syncs, C outbound files, F privacy and law, G what Campaign does.

| section | statement | test, or why there is none |
|---|---|---|
"""
ROW = re.compile(r"\| ([A-Z]\d?) \| (.*) \| (.*) \|")

STATEMENTS: dict[str, tuple[str, ...]] = {
    "A1": (
        "a name says the data source and the second, in ten digits",
        "a target data source follows the data source",
        "a global data source needs a target",
        "a time of nine digits is never written, and is told",
        "a name ends with .sync or .overwrite, the part, .gz",
        "the object key has the UTC date of sending",
        "a reader of Adobe's lists demands no date folder",
        "the Oracle variant has a column more",
    ),
    "A2": (
        "one tab exactly",
        "d_sid adds a trait",
        "d_unsid, :0 and :-1 remove a trait",
        "a bare number is a value of ic",
        "keys and values may be quoted, and blanks stand around",
        "a comma in quotes separates nothing",
        "a dash before a key is dropped",
        "repeated keys are normal",
        "an empty item is skipped",
        "traits are digits",
        "a key has a value",
        "an identifier has no ':' and no '%3A'",
        "an identifier is no e-mail address",
        "an identifier keeps its case, its zeros and its letters",
        "ASCII or UTF-8, without a byte order mark",
        "LF and CR LF are read, and blank lines at the end",
        "LF is written, at the end, too",
        "traits belong to the data source of the file",
        "the ID type of a data source says how the first column is read",
    ),
    "A3": (
        "200 lines of a user are read",
        "a written user has one line",
        "a line has 102,400 bytes at most",
        "any number of items may stand in a line",
        "a file is split before it is too large",
        "a file is at most 3 GB packed and 5 GB plain",
        "an empty file is invalid",
        "a profile has 150,000 traits at most",
    ),
    "A4": (
        "d_unsid is ignored in an overwrite file",
        "an overwrite line without traits clears the user",
        "a trait's time to live is 0, else members are lost after 120 days",
        "unknown identifiers are skipped",
        "files uploaded together have no order",
        "four hours pass after a trait is made",
    ),
    "A5": (
        "a receipt is read: files, counts, times",
        "stored records are the others taken off",
        "what was lost is told",
        "files are removed after 30 days",
    ),
    "A6": (
        "gzip only, and not together with PGP",
        "an encrypted file is told, and not read",
        "PGP is written",
        "objects are written with bucket-owner-full-control",
    ),
    "B1": (
        "the name has a data source a column",
        "an ID-sync file is always .sync",
        "columns are as many as ids in the name",
        "data source 0 is Audience Manager's own",
        "the master column holds device ids",
        "ids are not URL-encoded and hold no e-mail address",
        "a row that ends with a tab or blank is not processed",
        "c2c files hold SHA-256",
        "ten hashed addresses of a customer stay",
        "100 device ids of an id, 10 ids of a device",
    ),
    "B2": (
        "id and code are encoded first, then joined with %01",
        "states are 0, 1 and 2",
        "d_cid and d_cid_ic may be repeated",
        "DSID_20914 and DSID_20915 are codes of devices",
        "d_dpid with d_dpuuid is deprecated",
        "ten ids, three of a namespace",
        "ids are synced over HTTP by ibs: and id",
    ),
    "B3": (
        "a visitor id is 38 digits, as text",
        "a number that lost digits is told",
        "organisation ids are case sensitive",
    ),
    "B4": ("device ids have the shape of their data source",),
    "B5": ("trimmed, lower-cased, SHA-256 in lower-case hex",),
    "C1": (
        "the template of names is configuration",
        "times are 13 digits, 10, or formatted",
        "the split number is glued to the time, three digits or more",
        "the .info page's -1 is read, too",
        "the type is S3, s3, ftp or http, and an alias may stand there",
    ),
    "C2": (
        "default lines are read with tabs, with one blank and with two",
        "blanks that may mean either are refused",
        "macros are read by the template",
        "lists may have items of fields",
        "what an if holds is there when its lists are",
        "MCID writes the Experience Cloud ID",
        "a full file is the complete state",
        "the first incremental file is a full one",
    ),
    "C3": (
        "keys are unquoted",
        "all files must be there, in any order",
        "size, lines and md5 must agree",
        "totals are the sums of the files",
        "the mode in the name may be flipped",
        "header and blank lines count",
    ),
    "C4": ("files come about 14:00 UTC, sometimes two the next day",),
    "C5": ("destinations in real time are posted",),
    "F": (
        "what identifies a person directly is never written",
        "IP addresses lose their last octet",
        "a control and a label of the same pair forbid, another pair does not",
        "a control alone, or a label alone, forbids nothing",
        "controls count on the trait's data source, on the merge rule and on what it reads",
        "a control on the segment's own data source does nothing",
        "Experience Platform calls the pairs C3, C6, C5 and C7",
        "mapping a segment, and adding a trait to a mapped one, are refused too",
        "requests for access and deletion go to the Privacy Service",
        "an opt-out goes through the data collection servers",
        "device ids are kept 120 days, customer ids 720 days",
        "consent is not carried in exports of segments",
        "who opted out, or gave no consent, is left out before a file is written",
        "who shared how many of what, with whom, on what basis, is written down; counts, never people",
        "secrets stand outside the YAML",
    ),
    "G": (
        "an import replaces the whole list",
        "identifiers that find nobody are told",
        "only segments are imported",
        "all parts of a split export are imported",
        "which files were read is remembered",
        "an import each hour reads what comes every 24 hours",
        "an append adds new members only",
        "the main transition was exported, the complement has no identifier",
        "a data source is a dimension, a key, ids and a hash",
        "a declared ID travels plain or hashed",
        "a declared ID travels encrypted",
        "the web site declares the ID as AdobeCampaignID",
        "visitor ids are not reconciled over several domains",
        "a store is an S3 bucket with a path",
        "a trait and a segment over it are made for an audience",
        "which names and templates Campaign itself writes is not known",
    ),
}

GAPS: dict[tuple[str, str], str] = {
    ("A2", "the ID type of a data source says how the first column is read"): "a setting at Adobe; `doctor` lists it",
    ("A3", "a profile has 150,000 traits at most"): "Adobe's side alone knows",
    ("A4", "unknown identifiers are skipped"): "Adobe's side alone knows; the receipt counts them, and is read",
    ("A6", "PGP is written"): "never: gzip is packed for transport, which is HTTPS or SFTP",
    ("A6", "objects are written with bucket-owner-full-control"): "belongs to object stores, not to files",
    ("B1", "100 device ids of an id, 10 ids of a device"): "from third hands; Adobe's side alone counts over files",
    ("B2", "ids are synced over HTTP by ibs: and id"): "never: browsers do, not this engine",
    ("C5", "destinations in real time are posted"): "never: they call a server, and this is none",
    (
        "F",
        "what identifies a person directly is never written",
    ): "an e-mail address is refused: A2; of others only the author knows, and `doctor` warns where nothing is hashed",
    ("F", "IP addresses lose their last octet"): "never: no IP address is exchanged",
    (
        "F",
        "a control on the segment's own data source does nothing",
    ): "the project has no word for the segment's own data source",
    (
        "F",
        "mapping a segment, and adding a trait to a mapped one, are refused too",
    ): "Adobe's side refuses them; what is sent is refused here before",
    ("F", "requests for access and deletion go to the Privacy Service"): "not yet: `privacy` will ask for them",
    (
        "F",
        "an opt-out goes through the data collection servers",
    ): "never: the web site sends it; who opted out there stands on a suppression list here",
    ("F", "device ids are kept 120 days, customer ids 720 days"): "Adobe's side alone",
    (
        "F",
        "consent is not carried in exports of segments",
    ): "Adobe's side; a share asks for consent again, whoever was imported",
    ("G", "only segments are imported"): "Adobe's side: a destination maps segments alone",
    ("G", "an import each hour reads what comes every 24 hours"): "belongs to technical workflows, not to files",
    ("G", "the web site declares the ID as AdobeCampaignID"): "a setting at Adobe; `doctor` lists it",
    ("G", "visitor ids are not reconciled over several domains"): "Adobe's side: a visitor has an id on each domain",
    ("G", "a trait and a segment over it are made for an audience"): "belongs to `audiences create`, not to files",
    (
        "G",
        "which names and templates Campaign itself writes is not known",
    ): "no public source; names and templates are settings",
}


def table() -> dict[tuple[str, str], str]:
    """Read the table: the test, or the reason, by section and statement."""
    return {(row[1], row[2]): row[3] for line in TABLE.read_text().splitlines() if (row := ROW.fullmatch(line))}


class Shown:
    """Collects which test shows what."""

    def __init__(self) -> None:
        self._tests: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._files: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            self._files.add(item.nodeid.partition("::")[0])
            for mark in item.iter_markers("contract"):
                section, statement = mark.args
                if statement not in STATEMENTS.get(section, ()):
                    raise pytest.UsageError(f"{item.nodeid}: the contract has no statement {section} '{statement}'")
                self._tests[section, statement].append(item.nodeid.partition("[")[0])

    def write(self) -> None:
        """Write the table; what a file shows that was not collected stays."""
        rows, known = [], table()
        for section, statements in STATEMENTS.items():
            for statement in statements:
                before = re.findall("`([^`]*::[^`]*)`", known.get((section, statement), ""))
                kept = [test for test in before if test.partition("::")[0] not in self._files]
                tests = dict.fromkeys([*self._tests[section, statement], *kept])
                found = ", ".join(f"`{test}`" for test in tests) or GAPS.get((section, statement), "")
                rows.append(f"| {section} | {statement} | {found} |\n")
        TABLE.write_text(HEAD + "".join(rows))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-contract", action="store_true", help=f"write {TABLE.name}: which test shows what statement"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "contract(section, statement): what of Experience Cloud's contract the test shows"
    )
    config.pluginmanager.register(Shown(), "contract_shown")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--write-contract"):
        session.config.pluginmanager.get_plugin("contract_shown").write()
