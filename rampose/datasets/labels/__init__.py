"""Labelled keypoints in the formats of annotation tools, read into one form and written as COCO's."""
