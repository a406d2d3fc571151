rule draw_figure:
    input:
        set=lambda wildcards: f"<results>/distill/{config['figures'][wildcards.figure]['experiment']}/set.safetensors",
        metrics=lambda wildcards: f"<results>/evaluate/{config['figures'][wildcards.figure]['experiment']}.csv",
    output:
        png=report(
            "<results>/figures/{figure}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        pdf="<results>/figures/{figure}.pdf",
    log:
        "<results>/logs/figures/{figure}.log",
    benchmark:
        "<results>/benchmarks/figures/{figure}.tsv"
    conda:
        "../../environment.yml"
    params:
        steps=lambda wildcards: ",".join(map(str, config["figures"][wildcards.figure]["steps"])),
        code=digest("dd.report.figures"),
    shell:
        "python -m dd figure --set {input.set} --metrics {input.metrics} --steps {params.steps} "
        "--out {output.png} --out {output.pdf} > {log} 2>&1"


for figure in config["figures"]:

    rule:
        name:
            figure
        input:
            f"<results>/figures/{figure}.png",
        localrule: True
