# Every target sets up .venv by itself. PYTHON=python3.12 make demo chooses another interpreter.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
READY := .venv/.ready
.DEFAULT_GOAL := help

.PHONY: help quick demo test check test-cluster test-containers test-faults lint docs site dist bench publish clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 17

QUICK := results/quick
QUICK_STEPS ?= 1000
quick: $(READY)  ## ten distilled images, their picture and an accuracy: MNIST where it can be had, digits elsewhere; a minute or two
	mkdir -p $(QUICK)
	test -e $(QUICK)/data.npz || python -m dd data prepare mnist --out $(QUICK)/data.npz || \
	  { echo "No MNIST at hand: the digits inside scikit-learn in its place"; python -m dd data prepare digits --out $(QUICK)/data.npz; }
	python -m dd distill --data $(QUICK)/data.npz --out $(QUICK)/set.safetensors --init fixed --steps 1 \
	  --recipe quick --meta-steps $(QUICK_STEPS)
	python -m dd evaluate --set $(QUICK)/set.safetensors --data $(QUICK)/data.npz --out $(QUICK)/accuracy.csv
	python -m dd figure --set $(QUICK)/set.safetensors --metrics $(QUICK)/accuracy.csv --out $(QUICK)/images.png
	@echo; echo "Done. Open $(CURDIR)/$(QUICK)/images.png"

demo: $(READY)  ## the whole workflow on digits that ship with scikit-learn: a few minutes, no download
	python -m dd warm snakemake --cores all --configfile workflow/scales/demo.yaml --report results/demo/report.html --report-after-run
	@echo; echo "Done. Open $(CURDIR)/results/demo/report.html"

test: $(READY)  ## the tests, side by side on up to four cores
	pytest -n logical --maxprocesses 4 --dist worksteal

FAST := structure docs results_pages paths config config_mistakes config_schema plan targets verdicts packaging
check: lint  ## before every commit: lint, types and the fast tests, in a minute
	pytest -q -n logical --maxprocesses 4 $(FAST:%=tests/unit/test_%.py)

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

docs: $(READY)  ## what is written by programs: configuration.md, the schema, measured numbers, the drawing of engine.md
	python tools/engine_picture.py
	python tools/configuration_page.py
	python tools/results_pages.py

site: $(READY)  ## these pages and the reference of the package as a web site, in site/
	python -m pip install --quiet -c constraints.txt -e '.[site]'
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

dist: $(READY)  ## the package, built and checked, in dist/
	python -m pip install --quiet -c constraints.txt -e '.[dist]'
	rm -rf dist
	python -m build --quiet
	twine check --strict dist/*

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
	rm -rf .venv results/demo work/demo results/quick site dist
