"""Speed: the project's kernels against the assignments' own loops."""
