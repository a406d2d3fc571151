rule train_shard:
    input:
        unpack(get_pool_data),
    output:
        shard="<results>/pools/{pool}/{part}-{first}.safetensors",
    log:
        "<results>/logs/pools/{pool}/{part}-{first}.log",
    benchmark:
        "<results>/benchmarks/pools/{pool}/{part}-{first}.tsv"
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=1,
        mem_mb=grow(8000),
        runtime=grow(8 * 60),
    params:
        options=lambda wildcards: flags(get_shard(wildcards)),
        work=f"work/{config['scale']}/pools/{{pool}}/{{part}}-{{first}}",
        code=lambda wildcards: digest("dd.pools.train", module_of(get_pool(wildcards.pool)["net"])),
    shell:
        "trap '' TERM; mkdir -p {params.work} && "
        "python -m dd pool train --data {input.npz} --out {output.shard} --work {params.work} "
        "--threads {threads} --gpus {resources.gpu} {params.options} "
        "2>&1 | tee -ia {params.work}/attempts.log | tee -i {log}"
