"""Files of tables: formats that are found, and rows as columns by name."""
