"""Reports about a dataset and a training plan, before anything is trained."""
