#!/usr/bin/env bash
# From the data packs to the tables of docs/results.md. Killed or stopped, it goes on when it is started again.
#
#   PACKS=packs runs/reproduce.sh          all: about seven hours of two processor cores
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

mode=${1:-full}
if [ "$mode" = debug ]; then
    export WORK=${WORK:-runs/work-debug} SEEDS=${SEEDS:-1} DEBUG=-debug
    export EVALUATE="--repeats 1 --split all --limit 32 --multimodality 0" PROBE="--seeds 1 --family place"
elif [ "$mode" = full ]; then
    export WORK=${WORK:-runs/work} SEEDS=${SEEDS:-1 2 3} DEBUG=
    export EVALUATE="--repeats 3 --multimodality 32" PROBE="--seeds 3"
    : "${PACKS:?give the folder of the unpacked data packs: PACKS=packs runs/reproduce.sh}"
else
    echo "runs/reproduce.sh knows debug, or no argument for all; not $mode" >&2
    exit 2
fi
export JOBS=${JOBS:-2} DEVICE=${DEVICE:-cpu} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export PATH="$PWD/.venv/bin:$PATH"
if [ -n "${MATE:-}" ] && [ ! -e "$MATE/model.safetensors" ]; then
    echo "MATE=$MATE is no folder of an encoder: it has no model.safetensors" >&2
    exit 2
fi
command -v kinelex > /dev/null || { echo "kinelex is not installed; run make setup first" >&2; exit 2; }

# step WHAT TIME PRODUCT COMMAND...: a step whose product exists is done.
step() {
    local what=$1 time=$2 product=$3
    shift 3
    if [ -e "$product" ]; then
        echo "== $what: there already ($product)"
    else
        echo "== $what: about $time on one core"
        "$@"
    fi
}

stores() {
    if [ "$mode" = debug ]; then
        echo bundled composed
    else
        echo bandai-namco cmu acrnn jump hdm05 composed
    fi
}

prepare() {
    local source=()
    for store in $(stores); do
        [ "$store" = composed ] || source+=(--source "$WORK/stores/$store")
    done
    if [ "$mode" = debug ]; then
        python runs/comparison/debug_pack.py "$WORK/pack"
        kinelex prepare folder --source "$WORK/pack" --output "$WORK/stores/bundled"
        kinelex prepare compose "${source[@]}" --output "$WORK/stores/composed" --count 40
        return
    fi
    for corpus in bandai-namco cmu acrnn jump hdm05; do
        kinelex prepare "$corpus" --source "$PACKS" --output "$WORK/stores/$corpus"
    done
    kinelex prepare compose "${source[@]}" --output "$WORK/stores/composed" --count 3000
}

train() {
    local recipe=$1 output=$2
    shift 2
    local data=()
    for store in $(stores); do data+=(--store "$WORK/stores/$store"); done
    kinelex train "$recipe$DEBUG" "${data[@]}" --output "$output" --device "$DEVICE" "$@"
}

# What all arms of an encoder have in common: tokenizer, decoder, length, durations, and the texts' vectors.
shared() {
    local encoder=$1 name=$2 stages=(--stage length --stage durations)
    if [ "$encoder" = minilm ]; then
        stages+=(--stage tokenizer --stage decoder)
    else
        mkdir -p "$WORK/shared-$encoder"
        cp -R "$WORK/shared-minilm/tokenizer" "$WORK/shared-minilm/decoder" "$WORK/shared-$encoder/"
    fi
    train comparison "$WORK/shared-$encoder" "${stages[@]}" --set "text.encoder=$name"
    touch "$WORK/shared-$encoder/done"
}

export ENCODER_MINILM=minilm ENCODER_MATE=${MATE:-$WORK/mate/model}
step "prepare the data" "8 minutes" "$WORK/stores/composed/manifest.json" prepare

companions() {
    step "train the judge" "15 minutes" "$WORK/judge/model/config.yaml" train evaluator "$WORK/judge"
    step "train the retrieval model" "25 minutes" "$WORK/retrieval/model/config.yaml" train retrieval-cpu "$WORK/retrieval"
    step "train MATE's encoder" "45 minutes" "$ENCODER_MATE/model.safetensors" train mate-minilm-cpu "$WORK/mate"
}
beginnings() {
    step "train what the arms share, MiniLM" "90 minutes" "$WORK/shared-minilm/done" shared minilm "$ENCODER_MINILM"
}
if [ "$JOBS" -gt 1 ]; then
    companions &
    trap 'kill "$!" 2> /dev/null || true' EXIT
    beginnings
    wait "$!"
    trap - EXIT
else
    companions
    beginnings
fi
step "train what the arms share, MATE" "10 minutes" "$WORK/shared-mate/done" shared mate "$ENCODER_MATE"

# The judges look at recordings of actions, not at composed ones.
CORPUS=
for store in $(stores); do
    [ "$store" = composed ] || CORPUS+="--corpus $WORK/stores/$store "
    TRAIN_STORES="${TRAIN_STORES:-}--store $WORK/stores/$store "
done
export CORPUS TRAIN_STORES

ARMS=${ARMS:-$(grep -v '^#' runs/comparison/arms.txt | cut -d' ' -f1)}
echo "== train and measure the arms, $JOBS at a time: about 25 minutes of a core for each arm and seed"
for seed in $SEEDS; do
    for arm in $ARMS; do echo "$arm $seed"; done
done | xargs -P "$JOBS" -n 2 runs/comparison/arm.sh

python runs/comparison/table.py "$WORK" --output "$WORK/results"
