"""Tasks: one folder each, named as in params.yaml. No task knows another one."""
