# `make demo` sets everything up in .venv and runs the main job; `make test` sets up and tests.
# `make scenarios` plays the whole library but cpu_load, a superset of what `make test` plays. What judges
# speed is apart: `make bench` (every requirement, a quarter of an hour) and `make load` (with every core kept busy).
# `make fuzz` searches for input that breaks a parser, a minute each.
# `make pictures` makes the pictures of README.md and docs anew.
# `make docs` builds the documentation and checks its links; `make launch-test` brings launch_testing and runs
# test/launch.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CORES ?= $(shell n=$$(nproc); echo $$((n < 8 ? n : 8)))
# Marks of tests of more than pure Python in one process.
MORE := integration|ros|audio|gl|gazebo
INTEGRATION := $(subst |, or ,$(MORE))
# The modules that name one of these marks: each worker imports what it is given, whether a test in it runs or not.
MARKED = $$(grep -rlE --include='test_*.py' 'mark\.($(1))\b' test | sort)
export PYTHONNOUSERSITE = 1
# Where it is set, every process of ours would compile all its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo setup test unit integration system scenarios launch-test bench faults load lint fuzz pictures latency docs clean
.NOTPARALLEL:

demo: setup
	@$(BIN)/vla-sim run "Go to the kitchen and pick up the red cup"

setup: $(READY)

$(READY): setup.py $(addprefix config/requirements,.txt -data.txt -dev.txt -sdk.txt)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "error: %s is Python %d.%d; 3.10 or newer is needed: make PYTHON=python3.11 ..." % (sys.executable, *sys.version_info[:2]))'
	@echo "setting up $(VENV): ROS 2 Jazzy, MuJoCo and the rest from wheels, some two minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip  # a resolver of 2022 takes hours
	@$(PIP) install -r config/requirements.txt -r config/requirements-dev.txt
	@$(PIP) install --no-deps -r config/requirements-data.txt -r config/requirements-sdk.txt
	@$(PIP) --quiet install --no-deps --no-build-isolation --editable .
	@echo "compiling the numba kernels"
	@$(BIN)/vla-sim warm
	@touch $(READY)

test: lint unit integration system

unit: setup
	@$(BIN)/python -m pytest --dist worksteal -n $(CORES) -m "not scenario and not ($(INTEGRATION))"

# One more at once than there are cores, since some wait.
integration: setup
	@$(BIN)/python -m pytest --dist worksteal -n $$(($(CORES) + 1)) -m "not scenario and ($(INTEGRATION))" \
		$(call MARKED,$(MORE))

# What keeps to the clock's pace has the machine to itself, one after another, and then the rest its cores.
WHICH := not variant
system: setup
	@$(BIN)/python -m pytest -rs -m "scenario and alone and not load and $(WHICH)" $(call MARKED,alone)
	@$(BIN)/python -m pytest -rs --dist worksteal -n $(CORES) -m "scenario and not alone and not load and $(WHICH)" \
		$(call MARKED,scenario) test/launch

scenarios: WHICH := scenario
scenarios: system

# launch and launch_testing are not in pip. They go beside what `make setup` installs, since their plugins of
# pytest are in the way of all other tests.
LAUNCH_SOURCE ?= https://github.com/ros2/launch.git
LAUNCH := $(CURDIR)/$(VENV)/launch
LAUNCH_PATH := $(LAUNCH)/source/launch:$(LAUNCH)/source/launch_testing:$(LAUNCH)/lib
launch-test: $(VENV)/launch/.ready
	@PYTHONPATH="$(LAUNCH_PATH):$$PYTHONPATH" $(BIN)/python -m pytest -rs test/launch

$(VENV)/launch/.ready: $(READY) config/requirements-launch.txt
	@rm -rf "$(LAUNCH)" && mkdir "$(LAUNCH)"
	@if [ -d "$(LAUNCH_SOURCE)/launch_testing" ]; then cp -R "$(LAUNCH_SOURCE)" "$(LAUNCH)/source"; else \
		GIT_TERMINAL_PROMPT=0 git clone -q --single-branch --branch jazzy "$(LAUNCH_SOURCE)" "$(LAUNCH)/source"; fi || { \
		echo "error: launch_testing cannot be had from $(LAUNCH_SOURCE); make launch-test LAUNCH_SOURCE=..." \
		"takes it from a folder or a URL with github.com/ros2/launch, branch jazzy"; exit 1; }
	@$(PIP) install --target "$(LAUNCH)/lib" -r config/requirements-launch.txt
	@printf '#!/bin/sh\nPYTHONPATH="%s:$$PYTHONPATH" exec "%s" -m launch_testing.launch_test "$$@"\n' \
		"$(LAUNCH_PATH)" "$(CURDIR)/$(BIN)/python" > $(BIN)/launch_test
	@chmod +x $(BIN)/launch_test
	@touch $@

bench: setup
	@$(BIN)/vla-sim bench --check

# Faults in every phase of a job; what is in the file is not played again. Hours, on two cores.
faults: setup
	@$(BIN)/vla-sim fault-table --results docs/fault_results.jsonl
	@$(BIN)/python docs/generate.py

load: setup
	@$(BIN)/python -m pytest -rs -m load

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

# Searches for what a parser trips over; FUZZ: options of libFuzzer.
FUZZ ?= -max_total_time=60
fuzz: setup
	@$(PIP) install -r config/requirements-fuzz.txt
	@for target in answer options record scenario sdf sound words yaml; do \
		echo "$$target:"; $(BIN)/python test/fuzz/fuzz.py $$target -verbosity=0 -print_final_stats=1 $(FUZZ) || exit 1; done

# The pictures of the documentation, from a run that is played for them in lock-step: minutes.
pictures: setup
	@$(BIN)/python docs/make_pictures.py

# docs/latency.md, measured at the clock's pace: an hour and more with nothing else to do.
latency: setup
	@$(BIN)/python docs/make_latency.py

docs: setup $(VENV)/.docs-ready
	@$(BIN)/python docs/generate.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict
	@echo "site/index.html is the documentation"

$(VENV)/.docs-ready: config/requirements-docs.txt $(READY)
	@$(PIP) install -r config/requirements-docs.txt
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info runs site
