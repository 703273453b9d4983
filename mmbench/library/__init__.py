"""mmbench as a library: data in memory in, results as objects out. `mmbench.api` names what is public."""
