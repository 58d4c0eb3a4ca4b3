"""What `rampose app` shows: a page to try models on images and films."""
