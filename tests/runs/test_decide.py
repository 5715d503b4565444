"""Deciding is pure: a workflow, facts and a time give commands. The shapes are those of tests/data/workflow_patterns.yaml."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from engine.kit.activity import FROM, RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.population import Inputs, Population
from engine.lang.loader import load
from engine.lang.spec import WorkflowSpec
from engine.runs.decide import Command, Execute, Fail, Finish, Skip, WakeAt, commands
from engine.state import facts as f
from engine.state.fold import fold

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Box(Transform):
    """A box with every kind of input."""

    type: ClassVar[str] = "box"
    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", optional=True),
        Port(name="union", many=True, optional=True, missing="empty"),
        Port(name="exclude", many=True, optional=True, missing="fail"),
    )

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement"))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return {"result": inputs[FROM.name]}


def workflow(activities: str, top: str = "") -> WorkflowSpec:
    return load(f"workflow: w\n{top}activities:\n{activities}", "w.yaml", {"box": Box})


def fact(kind: type[f.Fact], activity: str, **values: Any) -> f.Fact:
    known = {field.name for field in fields(kind)}
    return kind(
        **{
            key: value
            for key, value in {"at": NOW, "activity": activity, "arrival": "1", **values}.items()
            if key in known
        }
    )


def done(activity: str, *ports: str) -> list[f.Fact]:
    fired = [
        fact(
            f.TransitionFired,
            activity,
            port=port,
            table="t",
            columns={"id": "integer"},
            key=("id",),
            dimension="d",
            count=0,
        )
        for port in ports
    ]
    return [fact(f.TaskStarted, activity), *fired, fact(f.TaskFinished, activity, seconds=0.0)]


def decided(spec: WorkflowSpec, *facts: f.Fact) -> tuple[Command, ...]:
    return commands(spec, fold(facts), NOW)


def executed(*found: Command) -> list[str]:
    return [command.activity for command in found if isinstance(command, Execute)]


CHAIN = "  a: {type: box}\n  b: {type: box, from: a}\n  c: {type: box, from: b.complement}\n"


def test_what_needs_nothing_is_executed_in_the_order_of_the_file() -> None:
    assert executed(*decided(workflow("  b: {type: box}\n  a: {type: box}\n  c: {type: box, from: a}\n"))) == ["b", "a"]


def test_a_task_follows_when_its_port_has_fired_even_with_no_rows() -> None:
    assert executed(*decided(workflow(CHAIN), *done("a", "result"))) == ["b"]


def test_a_port_that_did_not_fire_skips_its_consumer() -> None:
    found = decided(workflow(CHAIN), *done("a", "result"), *done("b", "result"))
    assert found == (Skip(activity="c", reason="'b.complement' did not fire"),)


def test_a_run_whose_branch_was_skipped_succeeds() -> None:
    facts = [*done("a", "result"), *done("b", "result"), fact(f.TaskSkipped, "c", reason="")]
    assert decided(workflow(CHAIN), *facts) == (Finish(status="succeeded"),)


def test_a_union_takes_what_came_and_waits_for_what_still_may() -> None:
    spec = workflow("  a: {type: box}\n  b: {type: box}\n  u: {type: box, union: [a, b]}\n")
    assert executed(*decided(spec, *done("a", "result"))) == ["b"]
    (command,) = decided(spec, *done("a", "result"), fact(f.TaskSkipped, "b", reason=""))
    assert isinstance(command, Execute)
    assert [str(reference) for reference in command.absent] == ["b.result"]


def test_a_union_into_which_nothing_fired_is_skipped() -> None:
    spec = workflow("  a: {type: box}\n  u: {type: box, union: [a]}\n")
    assert decided(spec, fact(f.TaskSkipped, "a", reason="")) == (
        Skip(activity="u", reason="nothing fired into 'union'"),
    )


def test_an_excluded_list_that_did_not_come_fails_unless_the_author_says_otherwise() -> None:
    body = "  a: {type: box}\n  b: {type: box}\n  x: {type: box, from: a, exclude: [b]%s}\n"
    facts = [*done("a", "result"), fact(f.TaskSkipped, "b", reason="")]
    (failed,) = decided(workflow(body % ""), *facts)
    assert isinstance(failed, Fail)
    assert failed.reason == "'exclude' waits for 'b.result', which did not fire"
    assert decided(workflow(body % ", when_missing: skip"), *facts) == (
        Skip(activity="x", reason="'b.result' did not fire"),
    )


@pytest.mark.parametrize(("policy", "status"), [("suspend", "suspended"), ("abort", "failed")])
def test_an_error_stops_the_run(policy: str, status: Any) -> None:
    spec = workflow("  a: {type: box}\n  b: {type: box}\n")
    failed = fact(f.TaskFailed, "a", error="e", fix="", policy=policy)
    assert decided(spec, failed) == (Finish(status=status),)


def test_an_ignored_error_skips_its_branch_and_the_others_go_on() -> None:
    spec = workflow("  a: {type: box}\n  b: {type: box, from: a}\n  c: {type: box}\n")
    found = decided(spec, fact(f.TaskFailed, "a", error="e", fix="", policy="ignore"))
    assert found == (Skip(activity="b", reason="'a.result' did not fire"), Execute(activity="c"))


def test_a_disabled_activity_is_skipped_and_a_held_one_leaves_the_run_waiting() -> None:
    assert decided(workflow("  a: {type: box, enabled: false}\n")) == (
        Skip(activity="a", reason="it is disabled (enabled: false)"),
    )
    assert decided(workflow("  a: {type: box, enabled: hold}\n")) == (Finish(status="waiting"),)


def test_after_waits_for_all_and_is_skipped_when_one_cannot_come() -> None:
    spec = workflow("  a: {type: box}\n  b: {type: box}\n  c: {type: box, after: [a, b]}\n")
    assert executed(*decided(spec, *done("a"))) == ["b"]
    assert executed(*decided(spec, *done("a"), *done("b"))) == ["c"]
    assert decided(spec, *done("a"), fact(f.TaskSkipped, "b", reason="")) == (
        Skip(activity="c", reason="'b.done' did not fire"),
    )


def test_after_any_runs_once_all_are_settled_and_one_fired() -> None:
    spec = workflow("  a: {type: box}\n  b: {type: box}\n  c:\n    type: box\n    after: {any: [a, b]}\n")
    assert executed(*decided(spec, *done("a"))) == ["b"]
    assert executed(*decided(spec, *done("a"), fact(f.TaskSkipped, "b", reason=""))) == ["c"]


def test_a_waiting_task_wakes_the_run_at_its_time_and_not_before() -> None:
    spec = workflow("  a: {type: box}\n")
    later = NOW + timedelta(hours=1)
    assert decided(spec, fact(f.TaskWaiting, "a", until=later, reason="")) == (WakeAt(moment=later),)
    assert decided(spec, fact(f.TaskWaiting, "a", until=NOW, reason="")) == (Execute(activity="a"),)


def test_a_resumed_run_does_again_what_was_halfway_and_nothing_else() -> None:
    facts = [*done("a", "result"), fact(f.TaskStarted, "b"), f.RunControlled(at=NOW, action="resume")]
    assert executed(*decided(workflow(CHAIN), *facts)) == ["b"]
