"""What a run makes and needs: targets, inputs, options, resources. It imports neither Snakemake nor torch."""
