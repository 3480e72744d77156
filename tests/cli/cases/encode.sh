# SPDX-License-Identifier: Apache-2.0
# Encoders of pSp's family: their files open as they are, and lose nothing on their way to safetensors.
facts() { "$ATELIER" inspect "$1" | grep -E 'fingerprint|opts'; }
same() { [ "$(facts "$1")" = "$(facts "$2")" ] && echo same; }
for name in e4e restyle psp-bare hyper; do
    t inspect data/encoders/$name.pt >$name.txt
    sed -n '/^encoder/,/layers/p; /^hypernet/,/layers/p' $name.txt
    t convert data/encoders/$name.pt $name.safetensors
    same data/encoders/$name.pt $name.safetensors
done
t generate --network data/encoders/psp-bare.pt --seeds 0

# pictures to codes
t generate --network data/stylegan/sg2-32.pkl --seeds 0-2 --outdir in --quiet
t encode --encoder data/encoders/e4e.pt --input in --save-ws --batch 2
ls out
cat out/latents.txt
t generate --network data/encoders/e4e.pt --latents out/latents.npz --outdir again --quiet
t encode --encoder restyle.safetensors --input in/seed0001.png --couple --save-steps --steps 3 --outdir steps --quiet
t encode --encoder data/encoders/restyle.pt --input in/seed0001.png --save-steps --steps 3 --outdir plain --quiet
ls plain
t encode --encoder data/encoders/e4e.pt --input in --average generator --outdir average --quiet
cmp -s average/latents.npz out/latents.npz || echo other codes

# photos to codes and to edits, in two commands; one has no face, and an older crop lies about
face() { awk 'BEGIN { for (i = 0; i < 68; i++)
    printf "%s%g %g", i ? " " : "", 16 + (i >= 36 && i < 42 ? -4 : i >= 42 && i < 48 ? 4 : 0),
           14 + (i == 48 || i == 54 ? 8 : 0) }'; }
{ echo "seed0000.png $(face)"; echo "seed0002.png $(face)"; } >faces.txt
mkdir -p aligned/aligned
cp in/seed0001.png aligned/aligned/older.png
t directions sefa --network data/encoders/e4e.pt --count 1 --out sefa.safetensors --quiet
t encode --encoder data/encoders/e4e.pt --input in --align --landmarks faces.txt --outdir aligned
t encode --encoder data/encoders/e4e.pt --input in --align --landmarks faces.txt --no-face skip --outdir aligned
t encode --encoder data/encoders/e4e.pt --input in/seed0001.png --align --no-face crop --outdir middle
t edit --network data/encoders/e4e.pt --latents aligned/latents.npz --direction sefa.safetensors:0 --strength 2 \
    --steps 1 --outdir edits --quiet
cat aligned/latents.txt
ls aligned/aligned

# a hypernetwork tunes the generator
t encode --encoder data/encoders/w.pt --hypernet data/encoders/hyper.pt --input in --steps 2 --outdir hyper
ls hyper
t generate --network data/encoders/hyper.pt --deltas hyper/seed0001.deltas.safetensors --latents hyper/latents.npz \
    --outdir tuned --quiet

# what can't be
t encode --encoder data/encoders/w.pt --hypernet data/encoders/hyper.pt --input in --batch 2
t encode --encoder data/encoders/w.pt --hypernet data/encoders/e4e.pt --input in
t encode --encoder data/encoders/e4e.pt --hypernet data/encoders/hyper.pt --input in
t encode --encoder data/encoders/w.pt --hypernet data/encoders/hyper.pt --network data/stylegan/sg2-32.pkl --input in
t encode --encoder data/encoders/e4e.pt
t encode --input in
t encode --encoder data/encoders/e4e.pt --input nowhere
t encode --encoder data/encoders/e4e.pt --input in --steps 2
t encode --encoder data/encoders/psp-bare.pt --input in
t encode --encoder data/encoders/psp-bare.pt --network data/encoders/e4e.pt --input in
t encode --encoder data/encoders/psp-bare.pt --network data/encoders/e4e.pt --input in --average generator --quiet
t encode --encoder data/encoders/e4e.pt --network data/stylegan/sg2-32.pkl --input in
t encode --encoder data/stylegan/sg2-32.pkl --input in
t encode --encoder data/encoders/e4e.pt --input in --no-face skip
printf '# nothing\n' >none.txt
t encode --encoder data/encoders/e4e.pt --input in --align --landmarks none.txt
