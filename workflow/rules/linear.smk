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
        code=digest("dd.distill.linear_case"),
    shell:
        "python -m dd linear-case --out {output.csv} 2>&1 | tee -i {log}"


rule draw_linear_case:
    input:
        metrics="<results>/linear/linear_case.csv",
    output:
        png=report(
            "<results>/figures/linear_case.png",
            caption="../report/linear_case.rst",
            category="Figures",
            labels={"figure": "linear case (Section 3.3)"},
        ),
        pdf="<results>/figures/linear_case.pdf",
    log:
        "<results>/logs/figures/linear_case.log",
    benchmark:
        "<results>/benchmarks/figures/linear_case.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=digest("dd.report.figures.linear_case"),
    shell:
        "python -m dd linear-figure --metrics {input.metrics} --out {output.png} --out {output.pdf} > {log} 2>&1"
