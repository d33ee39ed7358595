#!/usr/bin/env bash
# From the data packs to the tables of docs/results.md. Killed or stopped, it goes on when it is started again.
#
#   PACKS=packs runs/reproduce.sh          all: by its steps about six hours of two cores
#   runs/reproduce.sh debug                all of it in minutes, on bundled recordings, with networks that learn nothing
#
# PACKS   folder of the unpacked packs (docs/evaluation.md names them)
# WORK    where everything is written (default: runs/work, in debug runs/work-debug)
# ARMS    which arms of runs/comparison/arms.txt (default: all)
# SEEDS   training seeds of every arm (default: "1 2 3")
# JOBS    arms that are trained at a time, a core each (default: 2)
# MATE    an enhanced encoder to use instead of training one
# DEVICE  cpu or cuda (default: cpu)
set -euo pipefail
cd "$(dirname "$0")/.."

source runs/steps.sh
if [ "$mode" = debug ]; then SEEDS=${SEEDS:-1}; else SEEDS=${SEEDS:-1 2 3}; fi

# What all arms of an encoder have in common: tokens of the motions, length, durations, and the texts' vectors.
shared() {
    local encoder=$1 name=$2
    train comparison "$WORK/shared-$encoder" --stage length --stage durations --set "text.encoder=$name"
    touch "$WORK/shared-$encoder/done"
}

prepared

plain() {
    step "train the second judge" "25 minutes" "$WORK/retrieval/model/config.yaml" train retrieval-cpu "$WORK/retrieval"
    step "train what the arms share, MiniLM" "10 minutes" "$WORK/shared-minilm/done" shared minilm "$ENCODER_MINILM"
}
words() {
    enhanced
    step "train what the arms share, MATE" "10 minutes" "$WORK/shared-mate/done" shared mate "$ENCODER_MATE"
}
if [ "$JOBS" -gt 1 ]; then
    plain &
    trap 'kill "$!" 2> /dev/null || true' EXIT
    words
    wait "$!"
    trap - EXIT
else
    plain
    words
fi

ARMS=${ARMS:-$(grep -v '^#' runs/comparison/arms.txt | cut -d' ' -f1)}
echo "== train and measure the arms, $JOBS at a time: about 25 minutes of a core for each arm and seed"
for seed in $SEEDS; do
    for arm in $ARMS; do echo "$arm $seed"; done
done | xargs -P "$JOBS" -n 2 runs/comparison/arm.sh

python runs/comparison/table.py "$WORK" --output "$WORK/results"
