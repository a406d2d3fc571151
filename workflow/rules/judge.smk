rule judge_sets:
    input:
        unpack(or_refuse(lambda wildcards: plan.judge.inputs())),
    output:
        csv="<results>/judge/judge.csv",
    log:
        "<results>/logs/judge/judge.log",
    benchmark:
        "<results>/benchmarks/judge/judge.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=lambda wildcards, threads, attempt: plan.judge.memory(threads, attempt),
        runtime=wall_time(lambda wildcards: plan.wall_time.judgement(), resumes=True),
    params:
        options=plan.judge.options(),
        work=f"{plan.files.work}/judge",
        code=digest(*plan.judge.modules()),
    shell:
        "trap '' TERM; mkdir -p {params.work} && "
        "python -m dd judge {input.sets} --data {input.npz} {params.options} --out {output.csv} --work {params.work} "
        "--threads {threads} --gpus {resources.gpu} 2>&1 | tee -ia {params.work}/attempts.log | tee -i {log}"
