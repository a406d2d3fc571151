"""Sets on networks they were not made for, and by the field's protocol."""


rule evaluate_transfer:
    input:
        unpack(or_refuse(lambda wildcards: plan.experiments.data(wildcards.experiment))),
        set="<results>/distill/{experiment}/set.safetensors",
    output:
        csv="<results>/transfer/{experiment}.csv",
    log:
        "<results>/logs/transfer/{experiment}.log",
    benchmark:
        "<results>/benchmarks/transfer/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=lambda wildcards, threads, attempt: plan.experiments.memory(wildcards.experiment, threads, attempt),
        runtime=wall_time(lambda wildcards: plan.wall_time.transfer(wildcards.experiment)),
    params:
        held_out=plan.config.transfer.held_out,
        options=plan.experiments.transfer_options(),
        pool=lambda wildcards: plan.experiments.pool_option(wildcards.experiment),
        code=digest(*plan.experiments.transfer_modules()),
    shell:
        "python -m dd evaluate --set {input.set} --data {input.npz} --nets {params.held_out} {params.options} "
        "--out {output.csv} {params.pool} --threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"
