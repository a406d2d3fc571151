"""What a run makes and needs: targets, inputs, options, resources. It knows no Snakemake and imports no torch."""
