"""What a sweep and a run leave for people: the HTML report, the picture of a run, the profiles of its
nodes."""

__all__ = ["html_report", "profile_report", "run_map", "run_picture", "selection"]
