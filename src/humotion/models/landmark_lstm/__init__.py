"""Recurrent networks over the landmarks of a person, as tutorials on MediaPipe build them with Keras."""
