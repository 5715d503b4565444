from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state import facts as f
from engine.state.fold import RunState, TaskState, TaskStatus, fold

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)

STARTED = f.RunStarted(
    at=NOON,
    workflow="winback",
    path="winback.yaml",
    workflow_text="name: winback\n",
    project_text="database: d\n",
    environment=None,
    variables={},
    time=NOON,
)


def task(kind: type[f.TaskFact], activity: str = "buyers", arrival: str = "1", **values: Any) -> f.TaskFact:
    return kind(at=NOON, activity=activity, arrival=arrival, **values)


def fired(port: str, count: int, activity: str = "buyers") -> f.TaskFact:
    relation: dict[str, Any] = {"table": "t", "columns": {}, "key": ("id",), "dimension": None}
    return task(f.TransitionFired, activity, port=port, count=count, **relation)


def controlled(action: Any, **texts: str) -> f.RunControlled:
    return f.RunControlled(at=LATER, action=action, **texts)


def finished(status: Any) -> f.RunFinished:
    return f.RunFinished(at=LATER, status=status)


BEGAN = task(f.TaskStarted)
SUCCEEDED = task(f.TaskFinished, seconds=1.5, details={"file": "out.csv"})
FAILED = task(f.TaskFailed, error="no table", fix="create it", policy="suspend", place="winback.yaml:4:3")


def failed(policy: Any, activity: str = "buyers") -> f.TaskFact:
    return task(f.TaskFailed, activity, error="no table", fix="create it", policy=policy)


def test_no_facts_give_a_run_that_has_not_started() -> None:
    assert fold([]) == RunState(started=None, workflow_text="", project_text="", status="running", tasks={})


def test_a_started_run_keeps_the_texts_it_began_with() -> None:
    state = fold([STARTED])
    assert state.started == STARTED
    assert (state.workflow_text, state.project_text) == ("name: winback\n", "database: d\n")
    assert (state.status, state.tasks, state.finished_at) == ("running", {}, None)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (BEGAN, {"status": "running", "attempts": 1}),
        (fired("result", 7), {"status": "running", "fired": {"result": fired("result", 7)}}),
        (
            task(f.TaskWaiting, until=LATER, reason="the schedule"),
            {"status": "waiting", "until": LATER, "message": "the schedule"},
        ),
        (
            task(f.EffectPrepared, outcome={"rows": 7}),
            {"status": "running", "steps": {"prepared": {"rows": 7}}},
        ),
        (
            task(f.EffectPrepared, step="sending", outcome={"file": "a"}),
            {"status": "running", "steps": {"sending": {"file": "a"}}},
        ),
        (
            task(f.EffectDelivered, step="uploaded", outcome={"etag": "e"}),
            {"status": "running", "steps": {"uploaded": {"etag": "e"}}},
        ),
        (task(f.GuardTripped, message="41 % leave"), {"status": "guarded", "message": "41 % leave"}),
        (task(f.TaskSkipped, reason="no input"), {"status": "skipped", "message": "no input"}),
        (SUCCEEDED, {"status": "succeeded", "seconds": 1.5, "details": {"file": "out.csv"}}),
        (
            FAILED,
            {"status": "suspended", "message": "no table", "fix": "create it", "place": "winback.yaml:4:3"},
        ),
        (failed("ignore"), {"status": "ignored", "message": "no table", "fix": "create it"}),
        (failed("abort"), {"status": "failed", "message": "no table", "fix": "create it"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, f.Fact) else "",
)
def test_a_fact_of_a_task_changes_that_task(fact: f.TaskFact, expected: dict[str, Any]) -> None:
    state = fold([STARTED, fact])
    assert state.task("buyers") == TaskState(activity="buyers", arrival="1", **expected)
    assert state.status == "running"


def test_a_fact_of_one_task_leaves_the_others_alone() -> None:
    state = fold([BEGAN, task(f.TaskStarted, "split"), task(f.TaskStarted, arrival="2"), SUCCEEDED])
    standing = {key: one.status for key, one in state.tasks.items()}
    assert standing == {("buyers", "1"): "succeeded", ("split", "1"): "running", ("buyers", "2"): "running"}


def test_a_new_attempt_forgets_what_the_last_one_complained_of_and_counts() -> None:
    state = fold([BEGAN, FAILED, BEGAN])
    assert state.task("buyers") == TaskState(activity="buyers", arrival="1", status="running", attempts=2)


def test_a_waiting_task_that_goes_on_no_longer_has_a_time_to_wake() -> None:
    state = fold([BEGAN, task(f.TaskWaiting, until=LATER, reason="the schedule"), BEGAN])
    assert state.task("buyers") == TaskState(activity="buyers", arrival="1", status="running", attempts=2)


def test_a_port_that_fires_again_replaces_what_it_gave() -> None:
    state = fold([fired("result", 7), fired("complement", 2), fired("result", 8)])
    (buyers,) = state.tasks.values()
    assert {port: given.count for port, given in buyers.fired.items()} == {"result": 8, "complement": 2}


@pytest.mark.parametrize("status", ["succeeded", "failed", "suspended", "waiting", "stopped"])
def test_a_finished_run_has_its_status_and_time(status: f.Status) -> None:
    state = fold([STARTED, finished(status)])
    assert (state.status, state.finished_at) == (status, LATER)


def test_a_stopped_run_keeps_its_tasks() -> None:
    state = fold([STARTED, BEGAN, controlled("stop")])
    assert (state.status, state.finished_at, list(state.tasks)) == ("stopped", LATER, [("buyers", "1")])


def test_resume_keeps_what_is_settled_or_waits_and_lets_the_rest_be_done_again() -> None:
    state = fold(
        [
            STARTED,
            task(f.TaskFinished, "done", seconds=1.0),
            task(f.TaskSkipped, "skipped", reason="no input"),
            failed("ignore", "ignored"),
            failed("abort", "aborted"),
            failed("suspend", "suspended"),
            task(f.GuardTripped, "guarded", message="too many"),
            task(f.TaskStarted, "running"),
            task(f.TaskWaiting, "waiting", until=LATER, reason="the schedule"),
            finished("suspended"),
            controlled("resume"),
        ]
    )
    assert {activity: one.status for (activity, _), one in state.tasks.items()} == {
        "done": "succeeded",
        "skipped": "skipped",
        "ignored": "ignored",
        "aborted": "failed",
        "suspended": "pending",
        "guarded": "pending",
        "running": "pending",
        "waiting": "waiting",
    }
    assert (state.status, state.finished_at) == ("running", None)


def test_resume_keeps_what_a_finished_task_fired() -> None:
    facts = [STARTED, BEGAN, fired("result", 7), SUCCEEDED]
    assert fold([*facts, finished("suspended"), controlled("resume")]) == fold(facts)


def test_upgrade_is_a_resume_with_other_texts() -> None:
    facts = [STARTED, BEGAN, SUCCEEDED, task(f.TaskStarted, "split"), finished("suspended")]
    resumed = fold([*facts, controlled("resume")])
    upgraded = fold([*facts, controlled("upgrade", workflow_text="name: b\n")])
    assert upgraded == replace(resumed, workflow_text="name: b\n")
    assert (upgraded.workflow_text, upgraded.project_text) == ("name: b\n", "database: d\n")


def test_activities_that_lost_their_tables_are_made_again_and_the_others_are_kept() -> None:
    state = fold(
        [
            STARTED,
            *(task(f.TaskFinished, activity, arrival, seconds=1.0) for activity in "abc" for arrival in "12"),
            finished("suspended"),
            f.TablesLost(at=LATER, activities=("a", "c")),
        ]
    )
    pending = [key for key, one in state.tasks.items() if one.status == "pending"]
    assert pending == [("a", "1"), ("a", "2"), ("c", "1"), ("c", "2")]
    assert (state.status, state.finished_at) == ("suspended", LATER)


def test_only_a_task_that_will_fire_nothing_more_is_settled() -> None:
    settled = [s for s in get_args(TaskStatus) if TaskState(activity="a", arrival="1", status=s).is_settled]
    assert sorted(settled) == ["failed", "ignored", "skipped", "succeeded"]


some_task = st.builds(
    replace,
    st.sampled_from(
        [
            BEGAN,
            SUCCEEDED,
            FAILED,
            failed("ignore"),
            failed("abort"),
            fired("result", 7),
            fired("complement", 2),
            task(f.TaskWaiting, until=LATER, reason="the schedule"),
            task(f.EffectPrepared, outcome={"rows": 7}),
            task(f.EffectDelivered, step="uploaded", outcome={}),
            task(f.GuardTripped, message="too many"),
            task(f.TaskSkipped, reason="no input"),
        ]
    ),
    activity=st.sampled_from("ab"),
    arrival=st.sampled_from("12"),
)
some_fact = some_task | st.sampled_from(
    [
        STARTED,
        controlled("resume"),
        controlled("stop"),
        controlled("upgrade", workflow_text="name: b\n"),
        f.TablesLost(at=LATER, activities=("a",)),
        finished("succeeded"),
        finished("suspended"),
    ]
)


@given(st.lists(some_fact, max_size=30), st.integers(0, 30))
def test_folding_the_beginning_and_then_the_rest_is_folding_it_all(facts: list[f.Fact], cut: int) -> None:
    assert fold(facts[cut:], fold(facts[:cut])) == fold(facts)


@given(st.lists(some_fact, max_size=20))
def test_folding_changes_no_state_that_was_given_before(facts: list[f.Fact]) -> None:
    before = fold(facts)
    fold([BEGAN, controlled("resume")], before)
    assert before == fold(facts)


@given(st.lists(some_fact, max_size=30))
def test_after_a_resume_no_task_is_halfway_and_a_second_one_changes_nothing(facts: list[f.Fact]) -> None:
    once = fold([*facts, controlled("resume")])
    assert all(one.is_settled or one.status in ("pending", "waiting") for one in once.tasks.values())
    assert fold([controlled("resume")], once) == once
