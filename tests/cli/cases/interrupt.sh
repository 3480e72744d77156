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
find . -name '*tmp*'
last=$(ls -t out | head -1)
t replay "out/$last" --outdir again | sed 's/seed[0-9]*/seedN/g'
