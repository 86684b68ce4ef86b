"""What every room uses and what knows nothing of robots: errors, files, arrays, transforms, YAML records,
the clock, caches, profiling."""

__all__ = [
    "asking", "assets", "buffers", "caches", "child_process", "clock", "compute_threads", "cpu_share",
    "errors", "files", "geometry", "http_client", "loopback", "markdown", "mcap_file", "numba_cache",
    "own_class", "params", "pictures", "printable", "process_priority", "profiling", "secrets", "signals",
    "yaml_records",
]  # fmt: skip
