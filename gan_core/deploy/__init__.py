"""Spaces: the folder that becomes one, the trial of it here, and its way to the Hub."""
