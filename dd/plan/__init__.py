"""What a run makes and needs: targets, inputs, options, resources. Plain Python that knows no Snakemake and no torch."""
