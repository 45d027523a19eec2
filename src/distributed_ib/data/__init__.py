"""Input data: tables, columns, components, targets, splits and batches."""
