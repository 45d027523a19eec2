"""Names of the files and folders of a run, in one place."""

CONFIG, LOG, FIGURES = "config.toml", "log", "figures"
SCHEME, SNAPSHOTS = "scheme.nc", "snapshots"
MODEL, PARAMS = f"{SNAPSHOTS}/model.json", f"{SNAPSHOTS}/params.safetensors"
SCHEME_FILES = (SCHEME, MODEL, PARAMS)
RESULTS, EVIDENCE = "results.npz", "evidence.json"
SUMMARY_JSON, SUMMARY_TEXT, PAGE = "summary.json", "summary.md", "report.html"
CHECKPOINTS, SWEEPS = "checkpoints", "sweeps"
