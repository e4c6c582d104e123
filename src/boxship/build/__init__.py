"""Builds images on a graph: frontend, solver, ops, exporters."""
