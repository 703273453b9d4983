"""What is asked for when: budgets are found, then come trials, then more seeds where a verdict is open."""
