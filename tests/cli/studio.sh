# SPDX-License-Identifier: Apache-2.0
# Sourced by cases: a studio on the loopback with the shipped network, an untrained one and one of StyleGAN3.
tools=$(dirname "$case")/..
portraits=$tools/../../models/portraits-64.safetensors
export ATELIER_THREADS=2 PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1

# open_studio MORE...: prints its address, and sets `port`
open_studio() {
    "$ATELIER" init --cfg stylegan2 --resolution 64 --cbase 2048 --cmax 64 --map-depth 2 --seed 1 --quiet \
        fresh.safetensors
    "$ATELIER" init --cfg stylegan3-t --resolution 32 --cbase 1024 --cmax 32 --seed 3 --quiet sg3.safetensors
    "$ATELIER" serve "$portraits" fresh.safetensors sg3.safetensors "$@" --port 0 --outdir kept --quiet \
        >address 2>said &
    studio=$!
    for _ in $(seq 600); do grep -q http address && break; sleep 0.1; done
    sed 's/:[0-9][0-9]*\//:PORT\//' address
    port=$(grep -oE '[0-9]+/$' address | tr -d /)
}

close_studio() {
    kill -TERM $studio
    wait $studio
    echo "exit $?"
    cat said
}

ask_studio() { # PART: what its client says
    echo "== $1"
    python3 "$tools/studio_$1.py" "$port" "$ATELIER"
}
