"""Kinds of problems of a data set in COCO's format, each kind in a file of its own; `..checking` goes through them."""
