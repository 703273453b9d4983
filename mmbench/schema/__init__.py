"""What is written in files: settings, plans, results, descriptions of data. No torch here."""
