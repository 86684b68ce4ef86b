"""What sweeps and runs leave for people: the HTML report, the picture of a run, its nodes' profiles."""

__all__ = ["html_report", "profile_report", "run_map", "run_picture"]
