"""What models say of frames that come now: from a camera, a stream, or a video file that is played."""
