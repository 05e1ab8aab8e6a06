"""Workflows: the one room that composes stages. A verb of the command line is one of these, printed."""
