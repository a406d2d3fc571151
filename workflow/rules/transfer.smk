"""Sets on networks they were not made for, and by the field's protocol."""


rule evaluate_transfer:
    input:
        unpack(get_data),
        set="<results>/distill/{experiment}/set.safetensors",
    output:
        csv="<results>/transfer/{experiment}.csv",
    log:
        "<results>/logs/transfer/{experiment}.log",
    benchmark:
        "<results>/benchmarks/transfer/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=1,
        mem_mb=memory,
        runtime=grow(12 * 60),  # not resumed: one run must do
    params:
        held_out=config["transfer"]["held_out"],
        nets=" ".join(f"--net {net}" for net in config["transfer"]["nets"]),
        protocols=" ".join(f"--protocol {name}" for name in config["transfer"]["protocols"]),
        pool=get_pool_option,
        code=digest("dd.evaluation.held_out", *(net.split(":")[0] for net in config["transfer"]["nets"])),
    shell:
        "python -m dd evaluate --set {input.set} --data {input.npz} --nets {params.held_out} {params.nets} "
        "{params.protocols} --out {output.csv} {params.pool} --threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"


rule write_transfer:
    input:
        expand("<results>/transfer/{experiment}.csv", experiment=config["transfer"]["experiments"]),
    output:
        csv="<results>/tables/transfer.csv",
        md="<results>/tables/transfer.md",
        html=report(
            "<results>/tables/transfer.html",
            caption="../report/transfer.rst",
            category="Tables",
            labels={"table": "transfer"},
        ),
    log:
        "<results>/logs/tables/transfer.log",
    benchmark:
        "<results>/benchmarks/tables/transfer.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        metrics=lambda wildcards, input: " ".join(f"--metrics {path}" for path in input),
        code=digest("dd.report.tables.transfer"),
    shell:
        "python -m dd transfer {params.metrics} --out {output.csv} --out {output.md} --out {output.html} > {log} 2>&1"
