#!/usr/bin/env bash
# A model like the bundled one: from the data packs to its folder, and what it does, measured. Killed or stopped, it goes on
# when it is started again. (The bundled weights came this way, the tokenizers trained on a GPU; those of `permissive` with
# CORPORA="cmu acrnn jump hdm05" RECIPE=small and fewer steps, as its card says.)
#
#   PACKS=packs runs/release.sh            all data: about ten hours of one processor core
#   runs/release.sh debug                  all of it in minutes, on bundled recordings, with networks that learn nothing
#
# PACKS, WORK, DEVICE: as for reproduce.sh
# CORPORA  what it learns from (default: "bandai-namco cmu acrnn jump hdm05"); without bandai-namco, whose licence is
#          CC BY-NC, the model's is CC BY-SA, as HDM05's
# RECIPE   what is trained (default: bundled; debug trains guided-cpu-debug)
set -euo pipefail
cd "$(dirname "$0")/.."

source runs/steps.sh
if [ "$mode" = debug ]; then
    RECIPE=guided-cpu CORPORA=bundled SEQUENCES=40
else
    RECIPE=${RECIPE:-bundled} CORPORA=${CORPORA:-bandai-namco cmu acrnn jump hdm05} SEQUENCES=5000
fi
stores=$WORK/release-stores model=$WORK/release
recorded=() described=() corpus=()
for name in $CORPORA; do
    recorded+=(--source "$stores/$name") described+=(--store "$stores/$name") corpus+=(--corpus "$stores/$name")
done

# Clips that hang in the air are on stairs and rocks that a model of level floors does not see.
recordings() {
    if [ "$mode" = debug ]; then
        python runs/comparison/debug_pack.py "$WORK/release-pack"
        kinelex prepare folder --source "$WORK/release-pack" --output "$stores/bundled" --max-floating 0.05
    else
        for name in $CORPORA; do
            kinelex prepare "$name" --source "$PACKS" --output "$stores/$name" --max-floating 0.05
        done
    fi
    touch "$stores/done"
}
# What geometry sees in the recordings, and sequences composed of both, in which actions happen again and again, or go on.
derived() {
    kinelex prepare describe "${recorded[@]}" --output "$stores/described"
    kinelex prepare compose "${recorded[@]}" --source "$stores/described" --output "$stores/composed" \
        --count "$SEQUENCES" --repeats 0.12 --going-on 0.2
}
trained() {
    kinelex train "$RECIPE$DEBUG" "${described[@]}" --store "$stores/described" --store "$stores/composed" \
        --output "$model" --device "$DEVICE"
}
measured() {
    # shellcheck disable=SC2086  # lists of words
    kinelex evaluate "$model/model" "${corpus[@]}" $EVALUATE --no-plots --device "$DEVICE" --output "$model/report"
    # shellcheck disable=SC2086
    kinelex probe "$model/model" $PROBE --device "$DEVICE" --output "$model/probes.json"
}

step "prepare the recordings" "5 minutes" "$stores/done" recordings
step "describe and compose them" "5 minutes" "$stores/composed/manifest.json" derived
step "train" "nine hours" "$model/model/config.yaml" trained
step "measure" "20 minutes" "$model/probes.json" measured
