"""Scores of predictions, one file each. scikit-learn and SciPy compute them; here is which, and how."""
