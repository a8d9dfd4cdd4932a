"""Tasks: one folder per task, named as in params.yaml. No task imports another one."""
