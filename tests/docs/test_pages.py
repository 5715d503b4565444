"""What the documents say is so: commands print what they show, files are right, links lead somewhere, and the site can be built."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.app import api
from engine.app.cli import app
from engine.app.options import Options
from tests.docs.pages import ROOT, Reader, blocks, pictures

DOCS = ROOT / "docs"
PLUGIN = DOCS / "how-to" / "write-a-plugin.md"
POSTGRESQL = DOCS / "how-to" / "move-to-postgresql.md"
FOLLOWED = [
    ROOT / "README.md",
    DOCS / "tutorial.md",
    DOCS / "expressions.md",
    *(page for page in sorted((DOCS / "how-to").glob("*.md")) if page not in (PLUGIN, POSTGRESQL)),
]
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(page: Path, folder: Path) -> Reader:
    """Follow a page; at its end nothing is wrong with the project it made."""
    reader = Reader(folder)
    for typed in reader.follow(page):
        assert typed.is_as_shown, (
            f"{typed.where}: {typed.command} printed\n{typed.printed}\nif that is right: python -m tests.docs.rewrite {named(page)}"
        )
    for picture in pictures(page):
        if (drawn := reader.folder / picture.name).exists():
            assert drawn.read_text(encoding="utf-8") == picture.read_text(encoding="utf-8"), picture.name
    if (reader.folder / "project.yaml").exists():
        checked = CliRunner().invoke(app, ["check", str(reader.folder)])
        assert checked.exit_code == 0, checked.stdout
    return reader


@pytest.mark.parametrize("page", FOLLOWED, ids=named)
def test_a_page_says_what_happens(page: Path, tmp_path: Path) -> None:
    read(page, tmp_path)


@pytest.fixture
def shop_database(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give a PostgreSQL database as the page names it; nothing is left in it."""
    monkeypatch.setenv("SHOP_DATABASE", postgres_url)
    yield postgres_url
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA IF EXISTS audienceflow CASCADE"))
        connection.execute(sa.text("DROP TABLE IF EXISTS example_people, example_orders"))
    engine.dispose()


@pytest.mark.usefixtures("shop_database")
def test_a_project_moves_to_postgresql_as_its_page_says(tmp_path: Path) -> None:
    read(POSTGRESQL, tmp_path)


def test_every_answer_on_the_page_of_expressions_is_computed() -> None:
    page = html.unescape((DOCS / "expressions.md").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| (?:`|<code>)(.*)(?:`|</code>) \| `(.*)` \|$", page, re.MULTILINE)
    assert len(rows) == 18
    nowhere = Options(surroundings={}, clock=lambda: datetime(2026, 11, 23, 8, 30, tzinfo=UTC))
    answers = {text: api.evaluate(text, near=Path("/"), options=nowhere).value for text, _ in rows}
    assert {text: value if isinstance(value, str) else json.dumps(value) for text, value in answers.items()} == dict(
        rows
    )


def test_the_plugin_on_its_page_is_the_one_that_is_tested() -> None:
    files = [block for block in blocks(PLUGIN.read_text(encoding="utf-8")) if block.title]
    assert len(files) == 7
    for block in files:
        assert block.text == (ROOT / "tests/plugins/sample" / block.title).read_text(encoding="utf-8"), block.title


def test_no_yaml_on_a_page_goes_without_a_test() -> None:
    """The reference is written by the code that is tested; a page that is not followed here has a test that names it."""
    followed = {*FOLLOWED, POSTGRESQL, PLUGIN, *(DOCS / "reference").rglob("*.md")}
    others = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    rest = {page: blocks(page.read_text(encoding="utf-8")) for page in PAGES if page not in followed}
    assert [
        named(page)
        for page, found in rest.items()
        if any(block.language == "yaml" for block in found) and f'"{page.name}"' not in others
    ] == []


@pytest.mark.parametrize("folder", ["workflows", "activities/examples"])
def test_every_workflow_of_ours_is_right(folder: str) -> None:
    found = api.check(
        [path for path in (ROOT / folder).glob("*.yaml") if path.read_text().startswith("workflow:")], offline=True
    )
    assert [problem for problem in found if problem.severity == "error"] == []


def test_links_lead_to_files_and_those_of_the_site_stay_in_it() -> None:
    wrong = []
    for page in PAGES:
        for link in LINK.findall(re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)):
            target = (page.parent / link.partition("#")[0]).resolve()
            is_outside = page.is_relative_to(DOCS) and not target.is_relative_to(DOCS)
            if not re.match(r"https?:|#", link) and (not target.exists() or is_outside):
                wrong.append(f"{named(page)}: {link}")
    assert wrong == []


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", ".zensical.toml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603


def test_the_site_is_built_whole_and_fetches_nothing(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".zensical.toml", tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs")
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / ".site"
    pages = {path.relative_to(site).with_suffix(".md").as_posix() for path in site.rglob("*.html")} - {"404.md"}
    assert pages == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    fetched = r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:[^"]*)"'
    assert {
        url for path in site.rglob("*.html") for url in re.findall(fetched, path.read_text(encoding="utf-8"))
    } == set()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[gone](reference/rules.md#w999)\n", encoding="utf-8")
    assert build(tmp_path).returncode != 0
