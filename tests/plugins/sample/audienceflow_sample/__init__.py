"""A sample of all that a package can add: one row a component, imported when it is needed."""

from engine.kit.component import Component

COMPONENTS = (
    Component("activity", "frequency_cap", "audienceflow_sample.frequency_cap:FrequencyCap"),
    Component("activity", "leave_note", "audienceflow_sample.leave_note:LeaveNote"),
    Component("function", "first_word", "audienceflow_sample.first_word:FIRST_WORD"),
    Component("connector", "pigeonhole", "audienceflow_sample.pigeonhole:open_pigeonhole"),
    Component("rule", "S101", "audienceflow_sample.unlabelled:check"),
    Component("section", "caps", "audienceflow_sample.caps:CAPS"),
    Component("command", "caps", "audienceflow_sample.commands:caps", "The caps the project declares."),
)
