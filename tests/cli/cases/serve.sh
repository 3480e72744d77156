# SPDX-License-Identifier: Apache-2.0
# atelier serve: what its options refuse, and a studio on the loopback that a client in Python asks.
tools=$(dirname "$case")/..
portraits=$tools/../../models/portraits-64.safetensors
t serve --port 70000
t serve --listen 0.0.0.0
t serve --token 'a b'
t serve --listen nowhere --token x --port 0
t serve missing.pkl
"$ATELIER" init --cfg stylegan2 --resolution 64 --cbase 2048 --cmax 64 --map-depth 2 --seed 1 --quiet \
    fresh.safetensors
"$ATELIER" init --cfg stylegan3-t --resolution 32 --cbase 1024 --cmax 32 --seed 3 --quiet sg3.safetensors
export ATELIER_THREADS=2
"$ATELIER" serve "$portraits" fresh.safetensors sg3.safetensors --port 0 --outdir kept --quiet >address 2>said &
studio=$!
for i in $(seq 100); do grep -q http address && break; sleep 0.1; done
sed 's/:[0-9][0-9]*\//:PORT\//' address
port=$(grep -oE '[0-9]+/$' address | tr -d /)
export PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1
for part in basics inside; do
    echo "== $part"
    python3 "$tools/studio_$part.py" "$port" "$ATELIER"
done
kill -TERM $studio
wait $studio
echo "exit $?"
cat said
ls kept 2>/dev/null
