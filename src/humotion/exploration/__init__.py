"""What a dataset and a training plan look like, before anything is trained."""
