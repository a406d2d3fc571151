#!/usr/bin/env bash
# A real SLURM on this one machine, for tests: start.sh DIR, later stop.sh DIR. Needs root on Debian or Ubuntu.
#
# Four nodes, n1 to n4, with four CPUs, 16 GB and four GPUs each, none of which need be there; partition `main`, and
# `spot`, whose jobs make way for those of `main`. It lives in a network namespace of its own, which has nothing but
# loopback: all nodes are offline. To enter: nsenter --net=/proc/$(cat DIR/pid/munged)/ns/net; SLURM_CONF=DIR/slurm.conf
# Exit code 77: SLURM cannot be installed or run here.
set -euo pipefail
dir=$(realpath -m "$1")
nodes=4 gpus=4

if ! { command -v slurmctld && command -v munged && command -v ip; } >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt=(apt-get -qq -o DPkg::Lock::Timeout=120)
  { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends slurm-wlm munge iproute2; } >/dev/null || exit 77
fi
# The plugin's job step drops every SLURM_* variable before it calls srun, SLURM_CONF too: the default place must serve
if [ -e /etc/slurm/slurm.conf ]; then
  echo "/etc/slurm/slurm.conf is there: this machine has another SLURM" >&2
  exit 77
fi
unshare --net true || exit 77  # a container may not be allowed to
if [ "${2:-}" != offline ]; then exec unshare --net "$0" "$dir" offline; fi
ip link set lo up
ip address add 10.0.0.1/32 dev lo  # with 127.0.0.1 alone no address is ever looked up

mkdir -p "$dir"/{state,log,pid,gpu} /etc/slurm
ln -s "$dir/slurm.conf" /etc/slurm/slurm.conf
export SLURM_CONF=$dir/slurm.conf

start() { # name command...
  setsid "${@:2}" >"$dir/log/$1.out" 2>&1 </dev/null &
  echo $! >"$dir/pid/$1"
}
wait_for() { # command...
  for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done
  echo "SLURM did not start: $*" >&2
  tail -n 20 "$dir"/log/* >&2
  exit 1
}

(umask 077; head -c 128 /dev/urandom >"$dir/munge.key")
start munged munged --foreground --force --key-file "$dir/munge.key" --socket "$dir/munge" \
  --pid-file "$dir/pid/munged.own" --seed-file "$dir/state/munge.seed" --log-file "$dir/log/munged"
wait_for munge -n -S "$dir/munge"

# SLURM wants device files for GPUs, else CUDA_VISIBLE_DEVICES stays unset; twins of /dev/null will do
for ((gpu = 0; gpu < gpus; gpu++)); do mknod "$dir/gpu/$gpu" c 1 3; done
echo "NodeName=n[1-$nodes] Name=gpu File=$dir/gpu/[0-$((gpus - 1))]" >"$dir/gres.conf"
cat >"$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
AuthInfo=socket=$dir/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/state/%n
SlurmctldPidFile=$dir/pid/slurmctld.own
SlurmdPidFile=$dir/pid/%n.own
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/%n
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=5
AccountingStorageType=accounting_storage/none
NodeName=n[1-$nodes] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$(seq -s , 17001 $((17000 + nodes))) \
  CPUs=4 RealMemory=16000 Gres=gpu:$gpus
PartitionName=main Nodes=ALL Default=YES PriorityTier=10
PartitionName=spot Nodes=ALL PriorityTier=1
CONF

start slurmctld slurmctld -D
for ((node = 1; node <= nodes; node++)); do start "n$node" slurmd -D -N "n$node"; done
idle() { [ "$(timeout 5 sinfo -h -N -p main -t idle -o %N | wc -l)" = "$nodes" ]; }
wait_for idle
