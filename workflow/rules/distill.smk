rule distill:
    input:
        unpack(or_refuse(lambda wildcards: plan.experiments.data(wildcards.experiment))),
        pretrained=lambda wildcards: plan.experiments.weights(wildcards.experiment),
    output:
        set="<results>/distill/{experiment}/set.safetensors",
        history="<results>/distill/{experiment}/history.csv",
        snapshots="<results>/distill/{experiment}/snapshots.safetensors",
    log:
        "<results>/logs/distill/{experiment}.log",
    benchmark:
        "<results>/benchmarks/distill/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=lambda wildcards, threads, attempt: plan.experiments.memory(wildcards.experiment, threads, attempt),
        runtime=wall_time(lambda wildcards: plan.wall_time.distillation(wildcards.experiment), resumes=True),
    params:
        options=lambda wildcards: plan.experiments.options(wildcards.experiment),
        pool=lambda wildcards: plan.experiments.pool_option(wildcards.experiment),
        pretrained=lambda wildcards, input: " ".join(f"--pretrained {path}" for path in input.pretrained),
        work=f"{plan.files.work}/{{experiment}}",
        code=lambda wildcards: digest(*plan.experiments.modules(wildcards.experiment)),
    shell:
        # Only dd reacts to SIGTERM: it saves and ends. If the shell ended first, SLURM would kill the rest at once.
        # attempts.log keeps the output of earlier attempts, which {log} loses. The output also goes to the console.
        "trap '' TERM; mkdir -p {params.work} && "
        "python -m dd distill --data {input.npz} --out {output.set} --history {output.history} "
        "--snapshots {output.snapshots} --work {params.work} --threads {threads} --gpus {resources.gpu} "
        "{params.pool} {params.pretrained} {params.options} "
        "2>&1 | tee -ia {params.work}/attempts.log | tee -i {log}"
