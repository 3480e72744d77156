# SPDX-License-Identifier: Apache-2.0
# Ctrl-C: a sentence, the exit status of a program that Ctrl-C ended, and no half-written file.
net=data/stylegan/sg2-32.pkl
timeout --foreground --preserve-status -s INT 2 "$ATELIER" generate --network $net --seeds 0-999999 --quiet 2>&1 |
    sed 's/[0-9]* of/N of/'
echo "exit ${PIPESTATUS[0]}"
# a terminal that closes does the same
env --default-signal=HUP timeout --foreground --preserve-status -s HUP 2 "$ATELIER" generate --network $net \
    --seeds 0-999999 --quiet --outdir hangup 2>&1 | sed 's/[0-9]* of/N of/'
echo "exit ${PIPESTATUS[0]}"
# a file that is being written is written to its end
for attempt in 1 2 3 4 5; do # until it comes in the middle
    "$ATELIER" init --resolution 1024 fresh.safetensors 2>said &
    while kill -0 $! && ! compgen -G 'fresh.safetensors.tmp*' >/dev/null; do :; done 2>/dev/null
    kill -s INT $! 2>/dev/null
    wait $! && continue
    echo "exit $?"
    break
done
cat said
t inspect fresh.safetensors | tail -1
echo No room on the disk:
(ulimit -f 200; t init --resolution 256 large.safetensors)
find . -name '*tmp*' -o -name 'large*'
last=$(ls -t out | head -1)
t replay "out/$last" --outdir again | sed 's/seed[0-9]*/seedN/g'
