"""The evaluation protocol of pose estimation: scores, baselines, figures and the LSTM's memory."""
