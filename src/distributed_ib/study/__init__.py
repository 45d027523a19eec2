"""The frame that every study stands in: options, run folder, resume, report, command line."""
