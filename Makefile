# Every target sets up .venv by itself. PYTHON=python3.12 make demo chooses another interpreter.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
READY := .venv/.ready
.DEFAULT_GOAL := help

.PHONY: help demo test test-cluster test-containers test-faults lint docs bench publish clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 17

demo: $(READY)  ## the whole workflow on digits that ship with scikit-learn: a few minutes, no download
	snakemake --cores all --configfile workflow/scales/demo.yaml --report results/demo/report.html --report-after-run
	@echo; echo "Done. Open $(CURDIR)/results/demo/report.html"

test: $(READY)  ## the tests, side by side on up to four cores
	pytest -n logical --maxprocesses 4

test-cluster: $(READY)  ## a SLURM cluster on this machine, as root on Debian or Ubuntu (installs slurm-wlm); OPTIONS="-k offline" for some
	pytest tests/cluster/test_slurm.py $(OPTIONS)

test-containers: $(READY)  ## builds the image, runs the demo and every stage in it; Debian as root, or podman and apptainer
	pytest tests/cluster/test_containers.py

test-faults: $(READY)  ## kills, full disks, broken configs; as root, to mount small file systems; OPTIONS="-k short" for some
	pytest tests/faults $(OPTIONS)
	pytest tests/unit/test_config_at_random.py --hypothesis-profile=long

lint: $(READY)  ## style, types and spelling
	ruff check .
	ruff format --check .
	mypy
	codespell
	snakefmt --check Snakefile workflow
	snakemake --lint

docs: $(READY)  ## the drawing of docs/engine.md; docs/configuration.md and the schema of config.yaml
	python tools/engine_picture.py
	python tools/configuration_page.py

bench: $(READY)  ## speed and memory, into benchmarks/README.md; AUTHORS=folder also measures the authors' code
	$(if $(AUTHORS),python -m pip install --quiet six)
	python benchmarks/run.py $(if $(AUTHORS),--authors $(AUTHORS))

SCALE ?= laptop
SETS ?= mnist_fixed mnist_fixed_100 mnist_random cifar10_fixed cifar10_random mnist_usps_fixed mnist_usps_random \
  usps_mnist_fixed usps_mnist_random mnist_poison cifar10_poison
publish: $(READY)  ## a whole run, hours at the laptop scale; its report, its small files and SETS into results/published
	snakemake --cores all --configfile workflow/scales/$(SCALE).yaml --report results/$(SCALE)/report.html --report-after-run
	python -m dd publish --results results/$(SCALE) --out results/published/$(SCALE) $(addprefix --set ,$(SETS))

clean:  ## remove .venv and the demo
	rm -rf .venv results/demo work/demo
