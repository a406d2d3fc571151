"""The checked config, and the plan that is made from it. The rules ask the plan."""

import copy
import os
import sys

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

sys.path.insert(0, HERE)
from dd.config.extends import extended
from dd.config.read import typed
from dd.plan.options import any_of
from dd.plan.plan import Plan
from dd.plan.resources import grow
from dd.report.class_accuracy import CLASS_NETS
from dd.runtime.code_digest import commit, digest
from dd.runtime.errors import UserError

os.environ.update(APPTAINERENV_DD_COMMIT=commit())  # apptainer passes it to jobs: the image has no git
# `python -m dd` finds the package in the folder it runs in, or else here
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), HERE])))
if workflow.modifier.skip_configfile:  # as a module of another workflow, whose `config:` is then our only overlay
    own = copy.deepcopy(config)
    update_config(config, load_configfile(f"{HERE}/config.yaml"))
    update_config(config, own)
else:
    own = workflow.config_settings.overwrite_config
    update_config(config, typed(workflow.config_settings.config))
try:
    plan = Plan(extended(config, own))
    if "apptainer" in map(str, workflow.deployment_settings.deployment_method):
        plan.check_container()
except UserError as error:
    raise WorkflowError(f"config: {error}")


def or_refuse(function):
    """An input function that ends the run with the one line of a user's mistake; Snakemake would add a traceback."""

    def checked(wildcards):
        try:
            return function(wildcards)
        except UserError as error:
            sys.exit(f"config: {error}")

    return checked


def has_gpu(rulename):
    """Whether the jobs of a rule compute on a GPU, as far as it is known before they start."""
    given = workflow.resource_settings.overwrite_resources.get(rulename) or {}  # --set-resources
    for resources in (given, workflow.global_resources):
        if "gpu" in resources:
            gpus = resources["gpu"]
            return gpus.is_evaluable() or gpus.value != 0
    return True


def wall_time(work, *, resumes=False):
    """The minutes that a job asks for; `work` tells from its wildcards what it computes."""

    def minutes(wildcards, attempt, rulename):
        return work(wildcards).minutes(gpu=has_gpu(rulename), attempt=attempt, resumes=resumes)

    return minutes


wildcard_constraints:
    experiment=any_of(plan.experiments.names),
    baseline=any_of(plan.experiments.baselines),
    pool=any_of(plan.config.pools),
    part="train|held-out",
    first=r"\d+",
    method=any_of(plan.experiments.adaptations),
    weights=any_of(plan.data.weights),
