"""A local look-alike of one amoCRM account, served over HTTP for demos, tests and benchmarks."""
