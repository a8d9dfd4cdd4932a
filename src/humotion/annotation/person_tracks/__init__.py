"""Who is who: people whom another layer has found frame by frame, followed through the video."""
