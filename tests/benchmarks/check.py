"""How long `audienceflow check` takes for a workflow file of a thousand activities, as a whole process; for many files; and `--help`.

    python -m tests.benchmarks.check --activities 1000 --files 300 --times 5

cold       nothing was kept of an earlier check; the database is opened and read
seen       the database was seen before, the file is new
unchanged  the file was checked before
files      so many files of ten activities, cold

Each is paired with a process that only imports the libraries no check can do without, so that what is ours can be told from the machine's
mood. `--write FOLDER` keeps the generated project; `--profile` runs the check in this process and says where its time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import duckdb

import engine
from tests.benchmarks.pairs import PROJECT

LIBRARIES = "import duckdb, duckdb_sqlalchemy, jinja2, lark, networkx, pydantic, sqlalchemy, typer, yaml"
MAIN = "from engine.app.cli import main; main()"

HEAD = """\
workflow: big
dimension: recipient
variables:
  days: {type: integer, default: 30, description: Look-back window in days}
activities:
"""

BRANCH = """\
  buyers_{n}:
    type: query
    label: Bought in the last {n} days
    where: exists(events where amount > {n} and bought_at >= days_ago(vars.days))
    add:
      email: lower(email)
      spend: sum(amount of events where bought_at >= days_ago({n}))
  others_{n}:
    type: query
    where: city in ('Paris', 'Lyon', 'Metz') and birth_date < date '1990-01-{day:02}' or email like '%@example{n}.org'
  both_{n}:
    type: intersection
    from: [buyers_{n}, others_{n}]
  either_{n}:
    type: union
    from: [both_{n}, others_{n}]
  fresh_{n}:
    type: exclusion
    from: either_{n}
    exclude: [both_{n}]
  single_{n}:
    type: deduplication
    from: either_{n}
    by: lower(row.email)
    order: [-spend]
  groups_{n}:
    type: split
    from: single_{n}
    subsets:
      control:
        limit: {{percent: 10, by: random, sticky: true}}
      rich:
        where: spend > {n}
        code: more_than_{n}
  few_{n}:
    type: query
    from: groups_{n}.rich
    where: case when spend > {n} * 2 then true else city = 'Paris' end
  keep_{n}:
    type: list_update
    from: groups_{n}.complement
    list: list_{n}
    mode: replace
  keep_few_{n}:
    type: list_update
    from: few_{n}
    list: few_{n}
    mode: replace
"""


def write(folder: Path, activities: int) -> Path:
    """Write a project and a workflow of that many activities, ten to a branch, and give the workflow's path."""
    (folder / "project.yaml").write_text(PROJECT)
    with duckdb.connect(str(folder / "data.duckdb")) as database:
        database.execute(
            "create table if not exists recipients (id bigint primary key, email varchar, city varchar, birth_date date)"
        )
        database.execute(
            "create table if not exists events (recipient_id bigint, amount decimal(10, 2), bought_at timestamp)"
        )
    branches = (BRANCH.format(n=n, day=n % 28 + 1) for n in range(1, max(1, activities // 10) + 1))
    path = folder / "big.yaml"
    path.write_text(HEAD + "".join(branches))
    return path


def seconds(code: str, *arguments: str, folder: Path) -> float:
    """Run Python code as a process and give how long it took; stop when it fails."""
    begin = perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{arguments or code}: {done.returncode}\n{done.stdout}{done.stderr}")
    return perf_counter() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activities", type=int, default=1000)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the project here and keep it")
    parser.add_argument("--profile", action="store_true", help="say where the time of a check goes instead")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = given.write or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = write(folder, given.activities)
        if given.profile:
            _profile(path)
            return
        many = [folder / "many" / f"w{number}.yaml" for number in range(given.files)]
        for file in many:
            file.parent.mkdir(exist_ok=True)
            file.write_text(HEAD + BRANCH.format(n=1, day=1))
        activities = path.read_text().count("    type: ")
        print(f"{activities} activities, {path.stat().st_size // 1000} KB; {given.files} files\n")
        print(f"{'':<10}{'median s':>10}{'min s':>8}{'max s':>8}{'of the imports':>16}")
        kept = folder / ".audienceflow"
        cases: list[tuple[str, Path | None, tuple[str, ...]]] = [
            ("cold", kept, ("check", str(path))),
            ("seen", kept / "seen" / "findings.json", ("check", str(path))),
            ("unchanged", None, ("check", str(path))),
            ("files", kept, ("check", str(folder / "many"))),
            ("--help", None, ("--help",)),
        ]
        for name, forgotten, words in cases:
            bare, ours = [], []
            for _ in range(given.times):
                bare.append(seconds(LIBRARIES, folder=folder))
                _forget(forgotten)
                ours.append(seconds(MAIN, *words, folder=folder))
            ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
            print(f"{name:<10}{statistics.median(ours):>10.2f}{min(ours):>8.2f}{max(ours):>8.2f}{ratio:>15.2f}×")


def _forget(kept: Path | None) -> None:
    if kept is not None and kept.is_dir():
        shutil.rmtree(kept)
    elif kept is not None:
        kept.unlink(missing_ok=True)


def _profile(path: Path) -> None:
    with cProfile.Profile() as profile:
        found = engine.check([path])
    print(*found[:5], sep="\n")
    pstats.Stats(profile).sort_stats("cumulative").print_stats(70)


if __name__ == "__main__":
    main()
