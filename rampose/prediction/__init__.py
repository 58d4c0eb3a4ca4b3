"""Folders, videos and streams: what comes in, the run, what is written."""
