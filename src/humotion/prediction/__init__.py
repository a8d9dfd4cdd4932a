"""From a trained model folder and one video file to a label, or to joints."""
