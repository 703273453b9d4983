"""The best model of a data set as something to use: chosen on validation, trained again, kept without a pickle."""
