"""From a config and a checkpoint to a file that was run and compared; with torch and MMPose."""
