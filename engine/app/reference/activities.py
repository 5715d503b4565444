"""The page of every activity, and the list of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.app.reference import examples as executed
from engine.app.reference.examples import Example, Sample
from engine.app.reference.markdown import block, code, document, first_sentence, prose, table
from engine.app.reference.options import block_style, cards
from engine.app.schema.parts import components
from engine.kit.activity import Activity, Control, Effect, Port
from engine.kit.component import Component
from engine.kit.errors import DataError, suggestion
from engine.lang.spec import Common
from engine.registry import Registry

_KINDS = (
    (Effect, "an effect: it changes something outside the run, once"),
    (Control, "a control: it decides where the run goes on"),
    (Activity, "a transform: it only computes"),
)
_MISSING = {
    "skip": "",
    "empty": "One that does not fire counts as empty.",
    "fail": "One that does not fire fails the activity.",
}


def page(name: str, registry: Registry) -> str:
    """Give the page of an activity. DataError for one there is not."""
    known = components(registry, "activity")
    if name not in known:
        raise DataError(f"there is no activity '{name}'", suggestion(name, known, "activities"))
    return _page(known[name], executed.examples(registry.activities.component(name)), _origin(registry, name))


def pages(registry: Registry) -> Mapping[str, str]:
    """Give a page for every activity by its file's name, and `index.md`."""
    known: dict[str, type[Activity]] = components(registry, "activity")
    made = {name: executed.examples(registry.activities.component(name)) for name in known}
    own = {f"{name}.md": _page(activity, made[name], _origin(registry, name)) for name, activity in known.items()}
    return {"index.md": _index(known, made), "common.md": _common(), **own}


def _index(known: Mapping[str, type[Activity]], made: Mapping[str, tuple[Example, ...]]) -> str:
    rows = ((f"[{code(name)}]({name}.md)", first_sentence(activity.__doc__)) for name, activity in known.items())
    bare = [code(name) for name in known if not made[name]]
    without = f"Without an example that is run: {', '.join(bare)}." if bare else ""
    head = "What a box can be: its `type`. All of them also have the [options of every activity](common.md)."
    return document("Activities", head, table(("type", "what it does"), rows), without)


def _common() -> str:
    head = "What can be written in every activity, beside `type`, its inputs, `after` and its own options."
    return document("Options of every activity", head, cards(Common))


def _page(activity: type[Activity], examples: Iterable[Example], origin: str) -> str:
    kind = next(words for cls, words in _KINDS if issubclass(activity, cls))
    shown = [_example(example) for example in examples]
    written = {"type": activity.type, **_arrows(activity), **activity.example}
    return document(
        activity.type,
        prose(activity.__doc__),
        f"It is {kind}.{origin}",
        "## As it is written",
        block("yaml", f"it:\n{block_style(written, 2)}"),
        "## Inputs",
        _inputs(activity.inputs),
        "## Outputs",
        _outputs(activity, written),
        "## Options",
        cards(activity) if activity.model_fields else "It has no options of its own.",
        "The [options of every activity](common.md) can be written too.",
        *(("## Examples", "Each was run; what comes out is what the engine gave.", *shown) if shown else ()),
    )


def _origin(registry: Registry, name: str) -> str:
    plugins = [plugin for plugin, rows in registry.plugins.items() if any(_is_activity(row, name) for row in rows)]
    return f" It comes from the plugin {code(plugins[0])}." if plugins else ""


def _is_activity(row: Component, name: str) -> bool:
    return row.kind == "activity" and row.name == name


def _arrows(activity: type[Activity]) -> Mapping[str, object]:
    """Give an arrow to every input that must have one: `buyers`, and `others` where it takes several."""
    return {
        port.name: (["buyers", "others"] if port.name == "from" else ["others"]) if port.many else "buyers"
        for port in activity.inputs
        if not port.optional and port.name not in activity.example
    }


def _inputs(ports: Iterable[Port]) -> str:
    rows = (
        (code(port.name), "one or a list" if port.many else "one", "no" if port.optional else "yes",
         " ".join(filter(None, (port.doc, _MISSING[port.missing])))) for port in ports
    )  # fmt: skip
    return table(("input", "takes", "needed", "what arrives"), rows) or "It takes no population."


def _outputs(activity: type[Activity], written: Mapping[str, object]) -> str:
    ports = {port.name for port in activity.inputs}
    options = {name: value for name, value in written.items() if name != "type" and name not in ports}
    found = activity.model_validate(options).outputs()
    rows = [(code(port.name), port.doc or "Named by the author.") for port in found]
    return table(
        ("output", "what it holds"), [*rows, (code("done"), "No population: it fires when the activity has ended.")]
    )


def _example(example: Example) -> str:
    parts = [f"### {example.title}", block("yaml", example.written)]
    parts += [f"{code(name)} holds\n\n{block('text', text)}" for name, text in example.texts.items()]
    parts += [_sample("Before", sample) for sample in example.before]
    parts += [_sample("After", sample) for sample in example.after]
    parts += [
        f"**{name[:1].upper()}{name[1:]}:** {', '.join(map(code, texts)) or 'nothing'}"
        for name, texts in example.outside.items()
    ]
    return "\n\n".join(parts)


def _sample(when: str, sample: Sample) -> str:
    rows = table(sample.columns, sample.rows) or "No row."
    return f"**{when}:** {sample.name}\n\n{rows}"
