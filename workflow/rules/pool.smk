rule train_shard:
    input:
        unpack(or_refuse(lambda wildcards: plan.pools.data(wildcards.pool))),
    output:
        shard="<results>/pools/{pool}/{part}-{first}.safetensors",
    log:
        "<results>/logs/pools/{pool}/{part}-{first}.log",
    benchmark:
        "<results>/benchmarks/pools/{pool}/{part}-{first}.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=grow(8000),
        runtime=wall_time(lambda wildcards: plan.wall_time.shard(wildcards.pool), resumes=True),
    params:
        options=lambda wildcards: plan.pools.options(wildcards.pool, wildcards.part, int(wildcards.first)),
        work=f"{plan.files.work}/pools/{{pool}}/{{part}}-{{first}}",
        code=lambda wildcards: digest(*plan.pools.modules(wildcards.pool)),
    shell:
        "trap '' TERM; mkdir -p {params.work} && "
        "python -m dd pool train --data {input.npz} --out {output.shard} --work {params.work} "
        "--threads {threads} --gpus {resources.gpu} {params.options} "
        "2>&1 | tee -ia {params.work}/attempts.log | tee -i {log}"
