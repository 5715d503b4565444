"""The sample is a package of its own: its examples are right only where it is installed."""

collect_ignore = ["sample"]
