"""A page in the browser that shows what trained models see in a clip (`humotion app`)."""
