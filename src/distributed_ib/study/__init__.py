"""The framework of all studies: options, run folder, resume, report, command line."""
