# shellcheck shell=bash
# What reproduce.sh and hosts.sh have in common: settings, data, and steps that are not done twice. Sourced by both, after
# cd to the repository, with the words that each was called with.

mode=${1:-full}
if [ "$mode" = debug ]; then
    export WORK=${WORK:-runs/work-debug} DEBUG=-debug
    export EVALUATE="--repeats 1 --split all --limit 32 --multimodality 0" PROBE="--seeds 1 --family place"
elif [ "$mode" = full ]; then
    export WORK=${WORK:-runs/work} DEBUG=
    export EVALUATE="--repeats 3 --multimodality 32" PROBE="--seeds 3"
    : "${PACKS:?give the folder of the unpacked data packs: PACKS=packs $0}"
else
    echo "$0 knows debug, or no argument for all; not $mode" >&2
    exit 2
fi
export JOBS=${JOBS:-2} DEVICE=${DEVICE:-cpu} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export PATH="$PWD/.venv/bin:$PATH"
if [ -n "${MATE:-}" ] && [ ! -e "$MATE/model.safetensors" ]; then
    echo "MATE=$MATE is no folder of an encoder: it has no model.safetensors" >&2
    exit 2
fi
command -v kinelex > /dev/null || { echo "kinelex is not installed; run make setup first" >&2; exit 2; }
export ENCODER_MINILM=minilm ENCODER_MATE=${MATE:-$WORK/mate/model}

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

# The stores of recorded actions; those composed of them are one more.
if [ "$mode" = debug ]; then RECORDED=bundled; else RECORDED="bandai-namco cmu acrnn jump hdm05"; fi
RECORDINGS= CORPUS=
for store in $RECORDED; do
    RECORDINGS+="--store $WORK/stores/$store "
    CORPUS+="--corpus $WORK/stores/$store "
done
export RECORDINGS CORPUS STORES="$RECORDINGS--store $WORK/stores/composed"

prepare() {
    local source=()
    for store in $RECORDED; do source+=(--source "$WORK/stores/$store"); done
    if [ "$mode" = debug ]; then
        python runs/comparison/debug_pack.py "$WORK/pack"
        kinelex prepare folder --source "$WORK/pack" --output "$WORK/stores/bundled"
        kinelex prepare compose "${source[@]}" --output "$WORK/stores/composed" --count 40
        return
    fi
    for corpus in $RECORDED; do
        kinelex prepare "$corpus" --source "$PACKS" --output "$WORK/stores/$corpus"
    done
    kinelex prepare compose "${source[@]}" --output "$WORK/stores/composed" --count 3000
}

# train RECIPE OUTPUT OPTION...
train() {
    local recipe=$1 output=$2
    shift 2
    # shellcheck disable=SC2086  # a list of words
    kinelex train "$recipe$DEBUG" $STORES --output "$output" --device "$DEVICE" "$@"
}

prepared() { step "prepare the data" "8 minutes" "$WORK/stores/composed/manifest.json" prepare; }
enhanced() {
    step "train MATE's encoder" "45 minutes" "$ENCODER_MATE/model.safetensors" train mate-minilm-cpu "$WORK/mate"
}
