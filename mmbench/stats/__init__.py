"""Statistics on plain arrays; nothing here knows trials, data sets or pages."""
