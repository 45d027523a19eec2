"""Reports: findings of a run as stored data, rendered for the terminal, Markdown and JSON."""
