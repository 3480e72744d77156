# SPDX-License-Identifier: Apache-2.0
# atelier align: squares of photos by landmarks, boxes and middles, their records, and the way back.
"$ATELIER" generate --network data/stylegan/sg2-32.pkl --seeds 3,4 --outdir photos --quiet
mkdir photos/more
cp photos/seed0003.png photos/more/c.png
face() { # MIDDLE_X MIDDLE_Y EYES: a line of 68 pairs, of which eyes and mouth count
    awk -v x=$1 -v y=$2 -v e=$3 'BEGIN {
        for (i = 0; i < 68; i++)
            printf "%s%g %g", i ? " " : "", x + (i >= 36 && i < 42 ? -e : i >= 42 && i < 48 ? e : 0),
                   y + (i == 48 || i == 54 ? 2 * e : 0)
        print "" }'
}
file() { od -An -tx1 -j16 -N8 "$1" | tr -d ' '; } # width and height of a PNG
list() { # FOLDER
    for f in $(cd "$1" && find . -type f | sort); do
        echo "$f$(case $f in *.png) echo " $(file "$1/$f")" ;; esac)"
    done
}

face 16 14 4 >one.txt
{ face 16 14 4; face 10 10 3; } >two.txt
{ echo "seed0003.png $(face 16 14 4)"; echo "more/c.png $(face 16 14 4)"; echo "c.png $(face 12 12 3)"; } >named.txt
t align photos/seed0003.png --landmarks one.txt --size 16 --outdir a
list a
cat a/seed0003.json; echo
t align photos/seed0003.png --landmarks two.txt --size 16 --outdir b
list b
t align photos/seed0003.png --landmarks two.txt --size 16 --outdir c --face 1 --quiet
cmp c/seed0003.png b/seed0003-1.png && echo the same
t align photos --landmarks named.txt --size 8 --outdir d
t align photos --landmarks named.txt --size 8 --outdir d --no-face skip
list d
t align photos --no-face crop --size 8 --outdir e
t align photos/seed0004.png --no-face crop --box 4,6,20 --size 8 --outdir e --exact
cat e/seed0004.json; echo
echo === and back
t align --paste a/seed0003.png --out back.png
t align --paste a/seed0003.png --record a/seed0003.json --onto photos/seed0003.png --border 0.2 --out back.webp
file back.png
echo === wrong
t align
t align nothing.png --landmarks one.txt
t align photos --landmarks one.txt
t align photos/seed0003.png --landmarks two.txt --face one
t align photos/seed0003.png --landmarks two.txt --face 2
t align photos/seed0003.png --face -1
t align photos/seed0003.png --box 1,2,3
t align photos/seed0003.png --no-face crop --box 1,2
t align photos/seed0003.png --no-face crop --box 90,2,10
t align photos/seed0003.png --no-face crop --landmarks one.txt
cut -c-300 one.txt >cut.txt
t align photos/seed0003.png --landmarks cut.txt
t align photos/seed0003.png --landmark-model one.txt
t align photos/seed0003.png --out x.png
t align --paste a/seed0003.png
t align --paste a/seed0003.png --out x.gif
t align --paste photos/seed0003.png --out x.png
t align --paste a/seed0003.png --onto a/seed0003.png --out x.png
t align --paste a/seed0003.png --mask photos/seed0003.png --out x.png
cp photos/seed0004.png photos/seed0004.jpg
t align photos --no-face crop
ls
