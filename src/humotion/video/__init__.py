"""Reading video files and image folders, and the frame store that training reads from."""
