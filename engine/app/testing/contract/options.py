"""What the contract asks of options: said once, with an example where one must be written, and no secret ever shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from engine.kit.errors import AuthorError, Diagnostic, Span
from engine.kit.option import Options, Scalar
from engine.lang.model import read_model
from engine.lang.source import Block

MARK = "s3cr3t-mark"
SECRET_WORDS = ("password", "secret", "token", "passphrase", "credential", "private_key")


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Give a model, and those inside its options."""
    found = [model]
    for inner in found:
        for field in inner.model_fields.values():
            found.extend(each for each in _mentioned(field.annotation) if each not in found)
    return found


def options(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str, FieldInfo]]:
    """Give every option of a model and of the models inside it."""
    for inner in models(model):
        for name, field in inner.model_fields.items():
            yield inner, name, field


def extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def undocumented(model: type[BaseModel]) -> list[str]:
    """Name the options without a description, and the required ones without an example."""
    faults = []
    for owner, name, field in options(model):
        if not field.description or not field.description.endswith((".", "]")):
            faults.append(f"{owner.__name__}.{name}: no description that ends with a full stop")
        if field.is_required() and "example" not in extra(field):
            faults.append(f"{owner.__name__}.{name}: required, and no example")
    return faults


def shown_secrets(model: type[BaseModel]) -> list[str]:
    """Name every way in which a secret option, or one named like a secret, would show its value."""
    faults: list[str] = []
    for owner, name, field in options(model):
        if extra(field).get("secret"):
            faults.extend(f"{owner.__name__}.{name}: {way}" for way in _ways_out(owner, name))
        elif any(word in name for word in SECRET_WORDS):
            faults.append(f"{owner.__name__}.{name}: named like a secret, and not declared one")
    return faults


def _ways_out(owner: type[BaseModel], name: str) -> Iterator[str]:
    for written in (_scalar(MARK), _block({"env": "A_NAME", "file": MARK}), _block({MARK: "x"})):
        try:
            value = owner.model_construct(
                **{name: getattr(owner.model_validate({**_others(owner, name), name: written}), name)}
            )
        except ValidationError as failed:
            if MARK in str(failed):
                yield f"an error shows what was written as {type(written).__name__}"
            problems: list[Diagnostic] = []
            read_model(owner, _block({**_others(owner, name), name: written}), problems)
            if MARK in str(AuthorError(*problems)):
                yield f"a diagnostic shows what was written as {type(written).__name__}"
            continue
        for way, text in (("repr", repr(value)), ("str", str(value)), ("dump", value.model_dump_json(include={name}))):
            if MARK in text:
                yield f"its {way} shows it"


def _others(owner: type[BaseModel], name: str) -> dict[str, Any]:
    return {
        other: extra(field)["example"]
        for other, field in owner.model_fields.items()
        if other != name and field.is_required() and "example" in extra(field)
    }


def _scalar(text: str) -> Scalar:
    return Scalar.at(text, Span("w.yaml", 1, 1))


def _block(values: dict[str, Any]) -> Block:
    block = Block({_scalar(key): _scalar(value) if isinstance(value, str) else value for key, value in values.items()})
    block.span = Span("w.yaml", 1, 1)
    return block


def _mentioned(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, Options):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _mentioned(part)
