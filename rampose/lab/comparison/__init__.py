"""Which of several models is better on labelled images, by how much, and where."""
