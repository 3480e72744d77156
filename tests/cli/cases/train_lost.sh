# SPDX-License-Identifier: Apache-2.0
# Training whose output, terminal or pictures go away ends with a snapshot and a line in its log.
export ATELIER_THREADS=1
mkdir s
for i in 0 1 2 3; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
train() { # DIR PROGRAM...: long enough for whatever comes
    local dir=$1
    shift
    "$@" train --data s --outdir "$dir" --cbase 64 --cmax 4 --map-depth 2 --batch 4 --tick 0.08 --snap 0 --kimg 100
}
what() { # DIR
    ls "$1"/* | grep snapshot
    tail -1 "$1"/*/log.txt
}
# nobody reads
train pipe env --default-signal=PIPE "$ATELIER" | head -1
echo "${PIPESTATUS[0]}"
what pipe
# a terminal that closes
train hup env --default-signal=HUP timeout --foreground --preserve-status -s HUP 3 "$ATELIER" >/dev/null
echo $?
what hup
# a picture that somebody writes over
train bad "$ATELIER" >bad.log 2>&1 &
for i in $(seq 600); do
    grep -qs '^tick 1 ' bad.log && break
    sleep 0.1
done
truncate -s 90 s/seed0002.png
wait $!
echo $?
grep -v '^tick' bad/*/log.txt | tail -2
tail -1 bad.log
ls bad/* | grep snapshot
