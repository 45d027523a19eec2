"""What comes in: tables, columns, components, targets, splits and batches, checked once."""
