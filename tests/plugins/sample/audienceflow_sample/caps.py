"""The section `caps` of the project file."""

from engine.kit.option import Integer, Name, Options, option
from engine.kit.section import Section


class CapSettings(Options):
    """How often a person may be written to."""

    most: Integer = option("How many messages a person may get.", example="3", ge=0)
    label: Name | None = option("What it is called.", default=None, example="Newsletter")


CAPS = Section(model=CapSettings, many=True)
