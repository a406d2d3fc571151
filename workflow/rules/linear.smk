rule measure_linear_case:
    output:
        csv="<results>/linear/linear_case.csv",
    log:
        "<results>/logs/linear/linear_case.log",
    benchmark:
        "<results>/benchmarks/linear/linear_case.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=0,
        mem_mb=grow(2000),
        runtime=grow(1 * 60),
    params:
        settings=plan.targets.linear_options(),
        code=digest("dd.distill.linear_case"),
    shell:
        "python -m dd linear-case {params.settings} --out {output.csv} 2>&1 | tee -i {log}"
