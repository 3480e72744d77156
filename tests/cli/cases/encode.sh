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
