"""`humotion export`: a trained model as one file that other programs run, with a JSON that says how to use it."""
