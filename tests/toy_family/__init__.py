"""A third family, the smallest there can be: what a new `models/<name>.py` and `training/<name>.py` must hold."""
