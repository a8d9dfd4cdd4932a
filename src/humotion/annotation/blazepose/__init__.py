"""BlazePose: MediaPipe's pose detector and its network of 33 landmarks, without the mediapipe package."""
