"""One sub-package per protocol family; they never import each other."""
