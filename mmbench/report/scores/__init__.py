"""What is compared: scores per data set and over data sets, shared by all sections."""
