#!/usr/bin/env bash
# arm.sh NAME SEED: train one arm of the comparison and measure it; called by runs/reproduce.sh, which sets the rest.
set -euo pipefail

name=$1 seed=$2
read -r _ encoder changes <<< "$(grep "^$name " runs/comparison/arms.txt)"
folder=$WORK/arms/$name-$seed
text=$ENCODER_MINILM
[ "$encoder" = minilm ] || text=$ENCODER_MATE

overrides=(--set "text.encoder=$text" --set "masked.train.seed=$seed" --set "residual.train.seed=$seed")
for change in $changes; do overrides+=(--set "$change"); done

exec > >(sed -u "s/^/[$name $seed] /") 2>&1
if [ ! -e "$folder/model/config.yaml" ]; then
    mkdir -p "$folder"
    # How long things take is learnt from the text, too: what is shared was learnt from both sides.
    [[ $changes == *text.* ]] || cp -R "$WORK/shared-$encoder/." "$folder/"
    # shellcheck disable=SC2086  # lists of words
    kinelex train "comparison$DEBUG" $STORES --output "$folder" --device "$DEVICE" "${overrides[@]}"
fi
# shellcheck disable=SC2086
[ -e "$folder/report/report.json" ] || kinelex evaluate "$folder/model" $CORPUS --judge bundled \
    --judge "$WORK/retrieval/model" $EVALUATE --no-plots --device "$DEVICE" --output "$folder/report"
# shellcheck disable=SC2086
[ -e "$folder/probes.json" ] || kinelex probe "$folder/model" $PROBE --device "$DEVICE" --output "$folder/probes.json"
# What durations of phrases do, where phrases are told when they happen: the same model with the time shared evenly.
if [[ $changes == *phrase_guide=true* && ! -e "$folder/probes-even.json" ]]; then
    # shellcheck disable=SC2086
    kinelex probe "$folder/model" $PROBE --timing even --device "$DEVICE" --output "$folder/probes-even.json"
fi
