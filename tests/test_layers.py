"""Imports only point down, and each library has one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted([*(ROOT / "engine").rglob("*.py"), *(ROOT / "activities").rglob("*.py")])

MAY_IMPORT = {
    "engine.kit": {"engine.kit"},
    "engine.lang": {"engine.lang", "engine.kit"},
    "engine.sql": {"engine.sql", "engine.kit"},
    "engine.state": {"engine.state", "engine.kit"},
    "engine.registry": {"engine.kit"},
    "engine.runs": {"engine.runs", "engine.lang", "engine.sql", "engine.state", "engine.registry", "engine.kit"},
    "engine.app": {
        "engine.app",
        "engine.runs",
        "engine.lang",
        "engine.sql",
        "engine.state",
        "engine.registry",
        "engine.kit",
    },
    "activities.connectors": {"activities.connectors", "engine.kit"},
    "activities": {"activities.connectors", "engine.kit"},
}

HOMES = {
    "yaml": {"engine.lang.source", "engine.lang.parts"},
    "networkx": {"engine.lang.graph"},
    "lark": {"engine.kit.expression"},
    "sqlalchemy.ext.compiler": {"engine.sql.ddl", "engine.kit.expression"},
    "jinja2": {
        "engine.kit.template_language",
        "engine.app.web",
        "activities.connectors.experience_cloud_sandbox.page",
    },
    "alembic": {"engine.state"},
    "typer": {"engine.app.cli", "activities.audiences.commands", "activities.audiences.sandbox"},
    "rich": {"engine.app", "activities.audiences.commands"},
    "isal": {"activities.connectors"},
    "cryptography": {"activities.connectors.encryption"},
    "boto3": {"activities.connectors.object_store.s3"},
    "botocore": {"activities.connectors.object_store.s3"},
    "urllib3": {"activities.connectors.http"},
    "asyncssh": {
        "activities.connectors.object_store.sftp",
        "activities.connectors.experience_cloud_sandbox.sftp",
    },
    "pygraphviz": {"engine.app.pictures"},
    "resvg_py": {"engine.app.pictures"},
    "font_roboto": {"engine.app.pictures"},
    "pydantic": {"engine.kit", "engine.lang", "engine.runs.bind", "engine.app", "activities"},
}

ADOBE = ("adobe", "experience cloud", "experience_cloud", "audience manager", "audience_manager")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported, also inside functions and under TYPE_CHECKING; relative ones made absolute."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    module = name_of(path)
    room = max((place for place in MAY_IMPORT if is_within(module, place)), key=len, default=None)
    if room is None:
        assert module in ("engine", "engine.__main__"), f"{module} lies in no room"
        return
    ours = [found for found in imports(path) if is_within(found, "engine") or is_within(found, "activities")]
    own = {module, module.rpartition(".")[0]} if room == "activities" else set()
    upward = [found for found in ours if not any(is_within(found, place) for place in MAY_IMPORT[room])
              and not (room == "activities" and path.name == "__init__.py" and found in own)]  # fmt: skip
    assert upward == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_library_is_used_in_its_home(path: Path) -> None:
    module = name_of(path)
    strays = [
        found
        for found in imports(path)
        for library, homes in HOMES.items()
        if is_within(found, library) and not any(is_within(module, home) for home in homes)
    ]
    assert strays == []


@pytest.mark.parametrize("path", [path for path in MODULES if is_within(name_of(path), "engine")], ids=name_of)
def test_the_engine_does_not_know_adobe(path: Path) -> None:
    text = path.read_text(encoding="utf-8").lower()
    assert [word for word in ADOBE if word in text] == []


def test_the_clock_chance_and_the_environment_are_read_in_app_alone() -> None:
    readers = {
        "datetime.now",
        "datetime.utcnow",
        "time.time",
        "os.environ",
        "os.getenv",
        "random.random",
        "secrets.token_hex",
    }
    found = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in readers
    }
    assert {module for module in found if not is_within(module, "engine.app")} == set()
