# SPDX-License-Identifier: Apache-2.0
# Two generators to one; what does not match is refused and named, and leaves no file.
net=data/stylegan/sg2-32.pkl
t init --cfg stylegan2 --resolution 16 --cbase 128 --cmax 16 --seed 1 a.safetensors
t init --cfg stylegan2 --resolution 16 --cbase 128 --cmax 16 --seed 2 b.safetensors
t init --cfg stylegan2 --resolution 32 --cbase 128 --cmax 16 --seed 2 large.safetensors
t blend a.safetensors b.safetensors --swap-above 8 --out swapped.safetensors
t blend a.safetensors b.safetensors --swap-below 8 --width 0.5 --alpha 0.5 --out smooth.safetensors
t blend a.safetensors b.safetensors --alpha 0 --out same.safetensors
cmp a.safetensors same.safetensors && echo same file
cmp -s a.safetensors swapped.safetensors || echo another file
t generate --network swapped.safetensors --seeds 0 --quiet
t blend a.safetensors large.safetensors --alpha 0.5 --out no.safetensors
t blend a.safetensors $net --alpha 0.5 --out no.safetensors
t blend $net data/stylegan/sg3-t-32.pkl --alpha 0.5 --out no.safetensors
t blend a.safetensors b.safetensors --out no.safetensors
t blend a.safetensors b.safetensors --alpha 0.5
t blend a.safetensors b.safetensors --alpha 0.5 --width 1 --out no.safetensors
t blend a.safetensors missing.safetensors --alpha 0.5 --out no.safetensors
ls
