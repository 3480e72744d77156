# SPDX-License-Identifier: Apache-2.0
# atelier serve: what its options refuse, and a studio on the loopback that a client in Python asks.
tools=$(dirname "$case")/..
t serve --port 70000
t serve --listen 0.0.0.0
t serve --token 'a b'
t serve --listen nowhere --token x --port 0
t serve missing.pkl
ATELIER_THREADS=2 "$ATELIER" serve --port 0 --outdir kept --quiet >address 2>said &
studio=$!
for i in $(seq 100); do grep -q http address && break; sleep 0.1; done
sed 's/:[0-9][0-9]*\//:PORT\//' address
port=$(grep -oE '[0-9]+/$' address | tr -d /)
export PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1
python3 "$tools/studio_basics.py" "$port" "$ATELIER"
kill -TERM $studio
wait $studio
echo "exit $?"
cat said
ls kept 2>/dev/null
