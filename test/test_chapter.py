"""Every name and figure of the performance chapter is found where the documentation says."""

import importlib.util
import re
from functools import reduce
from pathlib import Path

import pytest

import vla_sim

PAGE = (Path(__file__).parents[1] / "docs" / "chapter.md").read_text()
NAMES = {
    "AsyncVLAProcessor": "run_event_loop process_voice_command_async extract_intent_async "
    "get_perception_context_async check_safety_context_async plan_with_llm_async execute_plan_async "
    "sync_extract_intent sync_get_perception_context sync_check_safety_context sync_plan_with_llm "
    "sync_execute_plan",
    "PerformanceMonitors": "record_response_time record_throughput record_resource_usage "
    "get_performance_summary",
    "ParallelProcessingPipeline": "execute_pipeline_parallel process_perception_data "
    "record_pipeline_performance",
    "MemoryOptimizer": "optimize_memory_usage perform_memory_cleanup trigger_gc_collection "
    "clear_perception_cache",
    "LRUCache": "get put clear_old_entries",
    "TensorPool": "get_tensor return_tensor cleanup_unused_tensors",
    "CPUOptimizer": "optimize_cpu_usage reduce_computation_intensity reduce_perception_frequency "
    "use_simplified_planning reduce_control_frequency",
    "optimized_distance_calculation": "",
    "optimized_collision_check": "",
    "LLMPerformanceOptimizer": "optimized_llm_call generate_cache_key make_llm_call "
    "generate_fallback_response",
    "ResponseCache": "get put",
    "RequestBatcher": "has_pending_requests add_to_batch process_batch",
    "RateLimiter": "can_make_request",
    "PerformanceMetric": "",
    "RealTimePerformanceMonitor": "record_metric check_threshold_violations run_monitoring_loop "
    "record_system_metrics get_component_performance get_system_performance_summary "
    "generate_performance_report save_performance_data",
    "PerformanceBenchmarkSuite": "run_all_benchmarks benchmark_voice_processing benchmark_llm_query "
    "benchmark_perception benchmark_navigation benchmark_manipulation benchmark_end_to_end_pipeline "
    "generate_benchmark_report check_performance_requirements",
    "profile_function": "",
    "PerformanceProfiler": "start_profiling stop_profiling get_profile_summary",
    "ResourceManager": "allocate_resources check_resource_availability deallocate_resources "
    "optimize_resource_allocation",
    "ResourceReservationSystem": "reserve release",
}
"""Classes with their methods, and functions, as the chapter calls them."""
ROWS = re.findall(r"^\| `([\w.]+)` \| `([\w.]+):([\w.]+)` \| ([^|]+) \|", PAGE, re.M)
FIGURES = re.findall(r"^\| ([^|`]+) \| ([^|`]+) \| `([\w.]+):(.+)` \|$", PAGE, re.M)


def test_the_table_has_each_name_of_the_chapter_once():
    names = [
        name for name, methods in NAMES.items() for name in (name, *[f"{name}.{m}" for m in methods.split()])
    ]
    assert sorted(name for name, *_ in ROWS) == sorted(names)


@pytest.mark.parametrize(("name", "module", "target", "_"), ROWS, ids=[row[0] for row in ROWS])
def test_what_does_its_job_exists(name, module, target, _):
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("vla_sim"):
            raise
        pytest.skip(f"{error.name} is not installed")
    assert reduce(getattr, target.split("."), found) is not None


@pytest.mark.parametrize(("name", "module", "target", "user"), ROWS, ids=[row[0] for row in ROWS])
def test_what_uses_it_names_it(name, module, target, user):
    if user.startswith("`vla-sim bench "):
        assert module == f"vla_sim.bench.sets.{user.split()[-1].strip('`')}"
    elif user not in ("tests", "code of yours"):
        user = user.strip("`")
        source = Path(importlib.util.find_spec(user).origin).read_text()
        found = re.findall(rf"\b{target.rpartition('.')[2]}\b", source)
        assert len(found) > (user == module)  # where it stands, its definition is no use of it


def test_what_has_a_name_of_the_chapter_is_what_the_table_points_to():
    sources = {path: path.read_text() for path in Path(vla_sim.__file__).parent.rglob("*.py")}
    for name, module, target, _ in ROWS:
        if "." not in name:
            mine = [
                path for path, text in sources.items() if re.search(rf"^(class|def) {name}\b", text, re.M)
            ]
            there = Path(importlib.util.find_spec(module).origin)
            assert mine in ([], [there]), name
            assert not mine or target == name


@pytest.mark.parametrize(("what", "figure", "module", "constant"), FIGURES, ids=[row[0] for row in FIGURES])
def test_the_figure_is_the_constants_value(what, figure, module, constant):
    value = eval(constant, vars(importlib.import_module(module)))
    assert value == float(figure.split()[0])


def test_every_line_of_figures_is_looked_at():
    lines = [line for line in PAGE.partition("## Figures")[2].splitlines() if line.startswith("| ")]
    assert len(FIGURES) == len(lines) - 2  # head and rule
