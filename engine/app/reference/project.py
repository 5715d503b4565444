"""The page of the project file: its sections, ours and those of components."""

from __future__ import annotations

from engine.app.project import CORE
from engine.app.reference.markdown import code, document, prose
from engine.app.reference.options import card, title
from engine.app.schema.parts import components
from engine.app.testing.contract.options import models
from engine.kit.section import Section
from engine.registry import Registry

_HEAD = """\
`project.yaml` stands in the folder of the workflows, or above it. `${NAME}` and `${NAME:-default}` in any of its texts read the
environment; a secret is `{env: NAME}` or `{file: path}`, never a value."""
_ENVIRONMENTS = """\
By name, what is laid over the file when the environment is chosen with `--env` or `AUDIENCEFLOW_ENV`: any of the sections above, whole
or in part. `dev` is taken when none is chosen."""


def page(registry: Registry) -> str:
    """Give the page of all sections."""
    sections: dict[str, Section] = {**CORE, **components(registry, "section")}
    parts = [part for name, section in sections.items() for part in _section(name, section)]
    return document("The project file", prose(_HEAD), *parts, "## environments", prose(_ENVIRONMENTS))


def _section(name: str, section: Section) -> list[str]:
    own, *inner = models(section.model)
    shape = "By name, each with these options:" if section.many else "With these options:"
    parts = [f"## {name}", prose(own.__doc__), shape, card(own) or f"{code('{}')}: it has none."]
    for each in inner:
        parts += [f"### {title(each)}", prose(each.__doc__), card(each)]
    return parts
