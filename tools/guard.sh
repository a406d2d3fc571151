#!/usr/bin/env bash
# Make the results that a change of the code's structure must not change: the demo, and minutes of the laptop scale.
#   tools/guard.sh OUT     in a checkout of each version; then tools/same_results.py compares the two OUT folders
# MNIST and CIFAR-10 come from $DD_DATA_MIRROR, or are downloaded.
set -euo pipefail
out=$(realpath -m "$1")
overlay=$(realpath "$(dirname "$0")/guard.yaml")
mkdir -p "$out"
snakemake --cores all --configfile workflow/scales/demo.yaml
snakemake results/laptop/evaluate/{mnist_random,cifar10_fixed}.csv results/laptop/pools/mnist_LeNet/held-out-00000.safetensors \
  results/laptop/baseline/mnist_random/k_means.csv --cores all --configfile workflow/scales/laptop.yaml "$overlay"
cp -r results/demo results/laptop results/data "$out"
