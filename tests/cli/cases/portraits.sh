# SPDX-License-Identifier: Apache-2.0
# Without --network, commands use the network that comes with Atelier and say so.
plain() {
    sed -E 's|using .*/models/portraits-64|using PATH/models/portraits-64|'
}
t generate --seeds 1 --outdir a 2>&1 | plain
t generate --seeds 1 --outdir b --quiet
cmp a/seed0001.png b/seed0001.png && echo the same picture
t mix --rows 1 --cols 2 --styles 0-3 --outdir m --quiet
t video --seeds 1,2 --w-frames 2 --output v.y4m 2>&1 | grep -v '^frame' | plain | head -2
# the record in the picture names it, so that it can be made again
t replay a/seed0001.png --output again.png --quiet
cmp a/seed0001.png again.png && echo the same picture
