#!/usr/bin/env bash
# MDM, MotionDiffuse and MMM, each on plain and on enhanced words: from the data packs to the tables of docs/hosts.md.
# Killed or stopped, it goes on when it is started again; with the WORK of reproduce.sh it uses what is there.
#
#   PACKS=packs runs/hosts.sh              all: about six hours of one processor core
#   runs/hosts.sh debug                    all of it in minutes, on bundled recordings, with networks that learn nothing
#
# PACKS, WORK, JOBS, MATE, DEVICE: as for reproduce.sh
# HOSTS   which hosts (default: "mdm motiondiffuse mmm")
set -euo pipefail
cd "$(dirname "$0")/.."

source runs/steps.sh
HOSTS=${HOSTS:-mdm motiondiffuse mmm}
for host in $HOSTS; do
    grep -q "^$host " runs/comparison/samplers.txt || { echo "HOSTS: there is no host $host" >&2; exit 2; }
done
# A clip of a host that diffuses takes seconds: one seed of the probes says enough.
if [ "$mode" = full ]; then export EVALUATE="--repeats 3 --multimodality 0" PROBE="--seeds 1"; fi

prepared
enhanced
tokenizer() {
    # shellcheck disable=SC2086  # a list of words
    kinelex train "mmm-small$DEBUG" $RECORDINGS --output "$WORK/hosts/mmm-tokenizer" --device "$DEVICE" --stage tokenizer
    touch "$WORK/hosts/mmm-tokenizer/done"
}
case " $HOSTS " in
    *" mmm "*) step "train MMM's tokenizer" "25 minutes" "$WORK/hosts/mmm-tokenizer/done" tokenizer ;;
esac

echo "== train and measure the hosts, $JOBS at a time: about 35 minutes of a core for each host and encoder"
for encoder in minilm mate; do
    for host in $HOSTS; do echo "$host $encoder"; done
done | xargs -P "$JOBS" -n 2 runs/comparison/host.sh

grep -v '^#' runs/comparison/samplers.txt | grep -E "^(${HOSTS// /|}) " \
    | xargs -P "$JOBS" -n 3 runs/comparison/sampler.sh

python runs/comparison/hosts_table.py "$WORK" --output "$WORK/results"
