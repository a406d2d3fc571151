rule distill:
    input:
        unpack(get_data),
        pretrained=get_pretrained,
    output:
        set="<results>/distill/{experiment}/set.safetensors",
        history="<results>/distill/{experiment}/history.csv",
    log:
        "<results>/logs/distill/{experiment}.log",
    benchmark:
        "<results>/benchmarks/distill/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=1,
        mem_mb=memory,
        runtime=grow(4 * 60),
    params:
        options=lambda wildcards: flags(get_experiment(wildcards.experiment)),
        pool=get_pool_option,
        pretrained=lambda wildcards, input: " ".join(f"--pretrained {path}" for path in input.pretrained),
        work=f"work/{config['scale']}/{{experiment}}",
        code=get_code,
    shell:
        # SIGTERM is for dd alone, which saves and ends: were the shell to end first, SLURM would kill the rest at once.
        # attempts.log keeps what a later attempt would wipe from {log}; the console sees it too
        "trap '' TERM; mkdir -p {params.work} && "
        "python -m dd distill --data {input.npz} --out {output.set} --history {output.history} --work {params.work} "
        "--threads {threads} --gpus {resources.gpu} {params.pool} {params.pretrained} {params.options} "
        "2>&1 | tee -ia {params.work}/attempts.log | tee -i {log}"
