# SPDX-License-Identifier: Apache-2.0
# Training that is killed, or stopped by Ctrl-C, goes on to the very weights of a run that was not.
export ATELIER_THREADS=1
mkdir s
for i in 0 1 2 3 4; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
train() {
    "$ATELIER" train --data s --outdir "$1" --cbase 64 --cmax 4 --map-depth 2 --batch 4 --tick 0.08 --snap 1 --seed 2 \
        --ada-kimg 0.2 --kimg 0.8 >"$1.log" 2>&1
}
train whole
whole=$(echo whole/*)
# kill -9 as soon as there is a snapshot
train killed 2>/dev/null &
for i in $(seq 600); do
    ls killed/*/network-snapshot-*.safetensors >/dev/null 2>&1 && break
    sleep 0.1
done
pkill -KILL -P $! atelier || kill -KILL $!
wait $! 2>/dev/null
killed=$(echo killed/*)
[ -f "$killed"/network-snapshot-000000.safetensors ] && echo there is a snapshot
grep -q done: killed.log && echo the run was too fast to be killed
"$ATELIER" train --resume "$killed" >>killed.log 2>&1
echo "went on: $?"
cmp "$whole"/network-snapshot-000000.safetensors "$killed"/network-snapshot-000000.safetensors && echo the same bytes
# Ctrl-C: background jobs of a script ignore it, so it is sent as SIGTERM, which does the same
train stopped 2>/dev/null &
for i in $(seq 600); do
    grep -qs '^tick 1 ' stopped.log && break
    sleep 0.1
done
pkill -TERM -P $! atelier || kill -TERM $!
wait $!
echo "stopped: $?"
stopped=$(echo stopped/*)
grep -c 'to go on: atelier train --resume' stopped.log
"$ATELIER" train --resume "$stopped" >>stopped.log 2>&1
echo "went on: $?"
cmp "$whole"/network-snapshot-000000.safetensors "$stopped"/network-snapshot-000000.safetensors && echo the same bytes
