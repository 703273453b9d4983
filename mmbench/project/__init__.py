"""A project's folder: what is in it, how it is read, and how one is made."""
