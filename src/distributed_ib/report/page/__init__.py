"""The page of a run: `report.html`, one file that needs no server and no network."""
