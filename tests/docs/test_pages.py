"""What the documents say is so: commands print what they show, files are right, links lead somewhere, and the site can be built."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.app import api
from engine.app.cli import app
from tests.docs.pages import ROOT, Reader, blocks

DOCS = ROOT / "docs"
PLUGIN = DOCS / "how-to" / "write-a-plugin.md"
POSTGRESQL = DOCS / "how-to" / "move-to-postgresql.md"
FOLLOWED = [
    ROOT / "README.md",
    *(page for page in sorted((DOCS / "how-to").glob("*.md")) if page not in (PLUGIN, POSTGRESQL)),
]
ELSEWHERE = {"checking.md": "tests/app/test_checking_page.py", "editor.md": "tests/editor/test_editor.py"}
"""Pages whose blocks another test runs."""
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(page: Path, folder: Path) -> Reader:
    """Follow a page; at its end nothing is wrong with the project it made."""
    reader = Reader(folder)
    reader.follow(page)
    if (reader.folder / "project.yaml").exists():
        checked = CliRunner().invoke(app, ["check", str(reader.folder)])
        assert checked.exit_code == 0, checked.stdout
    return reader


def test_the_tutorial_prints_and_draws_what_it_shows(tmp_path: Path) -> None:
    reader = read(DOCS / "tutorial.md", tmp_path)
    assert reader.commands == 13
    drawn = (reader.folder / "win_back.svg").read_text(encoding="utf-8")
    assert drawn == (DOCS / "pictures" / "win_back.svg").read_text(encoding="utf-8")


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


def test_the_plugin_on_its_page_is_the_one_that_is_tested() -> None:
    files = [block for block in blocks(PLUGIN.read_text(encoding="utf-8")) if block.title]
    assert len(files) == 5
    for block in files:
        assert block.text == (ROOT / "tests/plugins/sample" / block.title).read_text(encoding="utf-8"), block.title


def test_no_yaml_on_a_page_goes_without_a_test() -> None:
    followed = {*FOLLOWED, POSTGRESQL, PLUGIN, DOCS / "tutorial.md"}
    rest = [page for page in PAGES if page not in followed and "reference" not in page.relative_to(ROOT).parts]
    bare = [
        named(page)
        for page in rest
        if any(block.language == "yaml" for block in blocks(page.read_text(encoding="utf-8")))
    ]
    assert [page for page in bare if Path(page).name not in ELSEWHERE] == []
    for page, test in ELSEWHERE.items():
        assert page in (ROOT / test).read_text(encoding="utf-8")


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
