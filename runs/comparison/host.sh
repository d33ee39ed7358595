#!/usr/bin/env bash
# host.sh NAME ENCODER: train a host on plain (minilm) or enhanced (mate) words and measure it; called by runs/hosts.sh.
set -euo pipefail

name=$1 encoder=$2
folder=$WORK/hosts/$name-$encoder
text=$ENCODER_MINILM
[ "$encoder" = minilm ] || text=$ENCODER_MATE

exec > >(sed -u "s/^/[$name $encoder] /") 2>&1
if [ ! -e "$folder/model/config.yaml" ]; then
    mkdir -p "$folder"
    [ "$name" != mmm ] || cp -R "$WORK/hosts/mmm-tokenizer/tokenizer" "$folder/"
    # shellcheck disable=SC2086  # lists of words
    kinelex train "$name-small$DEBUG" $RECORDINGS --output "$folder" --device "$DEVICE" --set "text.encoder=$text"
fi
# shellcheck disable=SC2086
[ -e "$folder/report/report.json" ] || kinelex evaluate "$folder/model" $CORPUS $EVALUATE --no-plots \
    --device "$DEVICE" --output "$folder/report"
# shellcheck disable=SC2086
[ -e "$folder/probes.json" ] || kinelex probe "$folder/model" $PROBE --device "$DEVICE" --output "$folder/probes.json"
