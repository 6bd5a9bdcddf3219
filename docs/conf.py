"""Sphinx's settings."""

project = "qmemcircuit"
copyright = "the qmemcircuit authors"
extensions = ["myst_nb", "sphinx_design"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"
html_theme = "furo"
html_title = "qmemcircuit"
html_copy_source = False
html_show_sourcelink = False
