"""A server that says what trained models say of videos (`humotion serve`)."""
