"""What papers take: numbers as macros, tables for two-column classes, the methods in a paragraph, references."""
