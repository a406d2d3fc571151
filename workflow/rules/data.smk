# Not a param of the rule: where a mirror lies must not make anything run again.
if config["data"]["mirror"]:
    os.environ.update(DD_DATA_MIRROR=config["data"]["mirror"])

# Under apptainer a job sees the working folder; data from elsewhere must be shown to it.
shown = [os.environ.get("DD_DATA_MIRROR"), *(entry["folder"] for entry in config["data"]["folders"].values())]
binds = [
    os.environ.get("APPTAINER_BIND"),
    *(str(Path(folder).absolute()) for folder in shown if folder and Path(folder).exists()),
]
os.environ.update(APPTAINER_BIND=",".join(dict.fromkeys(filter(None, binds))))


rule prepare_data:
    output:
        npz="results/data/{dataset}.npz",
        json="results/data/{dataset}.json",
    log:
        "results/data/logs/{dataset}.log",
    benchmark:
        "results/data/benchmarks/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(sorted(DATASETS - set(config["data"]["variants"]))),
    retries: 1  # the network
    localrule: True
    conda:
        "../../environment.yml"
    params:
        options=lambda wildcards: flags(lookup(within=config, dpath=f"data/folders/{wildcards.dataset}", default={})),
        files=get_folder_files,
        code=lambda wildcards: digest("dd.data.obtain", "dd.data.prepared", *get_source(wildcards), follow=False),
    shell:
        "python -m dd data prepare {wildcards.dataset} --out {output.npz} {params.options} > {log} 2>&1"


rule vary_data:
    input:
        unpack(get_original),
    output:
        npz="results/data/{variant}.npz",
        json="results/data/{variant}.json",
    log:
        "results/data/logs/{variant}.log",
    benchmark:
        "results/data/benchmarks/{variant}.tsv"
    wildcard_constraints:
        variant=any_of(config["data"]["variants"]),
    localrule: True
    conda:
        "../../environment.yml"
    params:
        options=lambda wildcards: flags(get_changes(wildcards)),
        code=digest("dd.data.variants", "dd.data.prepared", follow=False),
    shell:
        "python -m dd data vary --data {input.npz} --out {output.npz} {params.options} > {log} 2>&1"


rule prepare_weights:
    output:
        weights="results/data/weights/{weights}.safetensors",
    log:
        "results/data/logs/weights/{weights}.log",
    benchmark:
        "results/data/benchmarks/weights/{weights}.tsv"
    retries: 1  # the network
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=digest("dd.data.weights", follow=False),
    shell:
        "python -m dd data weights {wildcards.weights} --out {output.weights} > {log} 2>&1"


rule download_all:
    input:
        get_downloads(),
