"""The training lab: the server side of the Training tab, one class for each part of the page.

Each class takes the `Services`. `LOOKS` of its file says what the page may ask of it, by method, and the parts of such
a request; `CHANGES` the same for those who may change what is here (see `gan_core.ui.rights`).
"""
