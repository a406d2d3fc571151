rule evaluate:
    input:
        unpack(or_refuse(lambda wildcards: plan.experiments.data(wildcards.experiment))),
        set="<results>/distill/{experiment}/set.safetensors",
    output:
        csv="<results>/evaluate/{experiment}.csv",
    log:
        "<results>/logs/evaluate/{experiment}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=lambda wildcards, threads, attempt: plan.experiments.memory(wildcards.experiment, threads, attempt),
        runtime=wall_time(
            lambda wildcards: plan.wall_time.evaluation(
                wildcards.experiment, plan.experiments.evaluation_nets(wildcards.experiment)
            ),
        ),
    params:
        nets=lambda wildcards: plan.experiments.evaluation_nets(wildcards.experiment),
        pool=lambda wildcards: plan.experiments.pool_option(wildcards.experiment),
        code=lambda wildcards: digest(*plan.experiments.evaluation_modules(wildcards.experiment)),
    shell:
        "python -m dd evaluate --set {input.set} --data {input.npz} --nets {params.nets} --out {output.csv} {params.pool} "
        "--threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"


rule evaluate_other_inits:
    input:
        unpack(or_refuse(lambda wildcards: plan.experiments.data(wildcards.experiment))),
        set="<results>/distill/{experiment}/set.safetensors",
    output:
        csv="<results>/other_inits/{experiment}.csv",
    log:
        "<results>/logs/other_inits/{experiment}.log",
    benchmark:
        "<results>/benchmarks/other_inits/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=lambda wildcards, threads, attempt: plan.experiments.memory(wildcards.experiment, threads, attempt),
        runtime=wall_time(
            lambda wildcards: plan.wall_time.evaluation(
                wildcards.experiment, plan.experiments.evaluation_nets(wildcards.experiment)
            ),
        ),
    params:
        nets=lambda wildcards: plan.experiments.evaluation_nets(wildcards.experiment),
        code=lambda wildcards: digest(*plan.experiments.evaluation_modules(wildcards.experiment)),
    shell:
        "python -m dd evaluate --random-init --set {input.set} --data {input.npz} --nets {params.nets} "
        "--out {output.csv} --threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"
