# SPDX-License-Identifier: Apache-2.0
# Training whose output, terminal or pictures go away ends with a snapshot and a line in its log.
export ATELIER_THREADS=1
mkdir s
for i in 0 1 2 3; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
# long enough for whatever comes
long="train --data s --cbase 64 --cmax 4 --map-depth 2 --batch 4 --tick 0.08 --snap 0 --kimg 100"
what() { # DIR
    ls "$1"/* | grep snapshot
    tail -1 "$1"/*/log.txt
}
begun() { # LOG: until the second tick
    for i in $(seq 600); do
        grep -qs '^tick 1 ' "$1" && break
        sleep 0.1
    done
}
# nobody reads
env --default-signal=PIPE "$ATELIER" $long --outdir pipe | head -1
echo "${PIPESTATUS[0]}"
what pipe
# a terminal that closes
env --default-signal=HUP "$ATELIER" $long --outdir hup >hup.log 2>&1 &
begun hup.log
kill -HUP $!
wait $!
echo $?
what hup
# a picture that somebody writes over
"$ATELIER" $long --outdir bad >bad.log 2>&1 &
begun bad.log
truncate -s 90 s/seed0002.png
wait $!
echo $?
grep -v '^tick' bad/*/log.txt | tail -2
tail -1 bad.log
ls bad/* | grep snapshot
