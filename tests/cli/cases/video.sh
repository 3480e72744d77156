# SPDX-License-Identifier: Apache-2.0
# Videos: wrong usage, the order of keyframes, standard output, and Ctrl-C.  y4m is in every build.
net=data/trained/portraits-64.safetensors cond=data/stylegan/sg2-64-cond.pkl
t video --network $net --output a.y4m
t video --network $net --seeds 0 --latents z.npy --output a.y4m
t video --network $net --seeds 0-3
t video --network $net --seeds 0-3 --output a.y4m --grid 2
t video --network $net --seeds 0-3 --output a.y4m --fixed-styles 7
t video --network $net --seeds 0-3 --output a.y4m --fixed-styles 7-9:1
t video --network $net --seeds 0-3 --output a.y4m --fixed-styles 7:40
t video --network $net --seeds 0-2 --output a.y4m --grid 2x1
t video --network $net --seeds 0-3 --output a.avi
t video --network $net --seeds 0-3 --output a.y4m --format avi
t video --network $net --seeds 0-3 --output missing/a.y4m
t video --network $net --seeds 0-3 --output - --format mp4 | cat
t video --network $cond --seeds 0-2 --output a.y4m
t video --network $cond --seeds 0-2 --output a.y4m --class 0,5
t video --network $cond --seeds 0-2 --output a.y4m --class 0,1
ls

# one frame for each keyframe shows which is where
keys() {
    name=$1
    shift
    "$ATELIER" video --network $net --w-frames 1 --output "$name.y4m" --quiet "$@" || echo "exit $?"
}
same() { cmp "$1.y4m" "$2.y4m" && echo "$1 and $2 are the same"; }
t video --network $net --seeds 0,1 --w-frames 3 --output a.y4m
head -1 a.y4m
keys shuffled --seeds 0-9 --shuffle-seed 0
keys listed --seeds 2,8,4,9,1,6,7,3,0,5
same shuffled listed
keys cubic --seeds 0-3
keys linear --seeds 0-3 --ease linear
same cubic linear
keys cycled --seeds 0,1 --num-keyframes 5
keys written --seeds 0,1,0,1,0
same cycled written
keys pair --seeds 0,1
keys fixed --seeds 0,1 --fixed-styles 5:0-9
keys five --seeds 5,5
same fixed five
keys grid --seeds 0-5 --grid 2,1
head -1 grid.y4m
t video --network $cond --seeds 0-2 --class 0,1,2 --space z --ease smooth --w-frames 2 --output z.y4m --quiet
t video --network $cond --seeds 0-2 --class 0,1,2 --w-frames 2 --output w.y4m --quiet
"$ATELIER" video --network $net --seeds 0,1 --w-frames 1 --output - --quiet |
    cmp - pair.y4m && echo "standard output and pair are the same"
"$ATELIER" video --network $net --seeds 0,1 --w-frames 1 --output - --format png --quiet | grep -ac IHDR

# a signal to this process alone: timeout would send a second one to the group, and a second one ends at once
timeout --foreground --preserve-status -s INT 4 "$ATELIER" video --network $net --seeds 0-9 --w-frames 99999 \
    --output i.y4m --quiet 2>&1 | sed 's/after [0-9]* of/after N of/'
echo "exit ${PIPESTATUS[0]}"
ls | grep -c tmp
echo "bytes beyond whole frames: $((($(wc -c <i.y4m) - $(head -1 i.y4m | wc -c)) % (6 + 64 * 64 * 3)))"

# transparency: kept by png, told of by y4m
t init --resolution 16 --cbase 256 --cmax 16 --channels 4 --map-depth 1 rgba.safetensors
t video --network rgba.safetensors --seeds 0,1 --w-frames 1 --output rgba.y4m
"$ATELIER" video --network rgba.safetensors --seeds 0,1 --w-frames 1 --output - --format png --quiet >rgba.png
echo "colour type $(od -An -tu1 -j25 -N1 rgba.png)"
