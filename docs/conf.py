"""Sphinx configuration: `make docs`."""

project = 'rampose'
author = 'The rampose authors'
extensions = ['myst_parser']
source_suffix = {'.md': 'markdown'}
exclude_patterns = ['_build']
myst_enable_extensions = ['dollarmath']
myst_heading_anchors = 3
# Files outside docs/ are linked as they are on disk; tests/test_docs.py checks that they exist.
suppress_warnings = ['myst.xref_missing']
html_theme = 'alabaster'
html_theme_options = {'page_width': '1100px', 'description': 'RAM-HRNet and GPR for MMPose'}
