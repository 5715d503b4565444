"""Pictures of a workflow: in words, and as drawings laid out in layers; with the counts of a run where there is one."""
