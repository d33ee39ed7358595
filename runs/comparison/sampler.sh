#!/usr/bin/env bash
# sampler.sh HOST SAMPLER STEPS: what fewer drawing steps cost a trained host; called by runs/hosts.sh.
set -euo pipefail

host=$1 sampler=$2 steps=$3
folder=$WORK/hosts/$host-minilm
how=(--steps "$steps")
[ "$sampler" = masked ] || how+=(--sampler "$sampler")

exec > >(sed -u "s/^/[$host $sampler $steps] /") 2>&1
# shellcheck disable=SC2086  # lists of words
[ -e "$folder/samplers/$sampler-$steps/report.json" ] || kinelex evaluate "$folder/model" $CORPUS $EVALUATE \
    --no-plots --device "$DEVICE" "${how[@]}" --output "$folder/samplers/$sampler-$steps"
