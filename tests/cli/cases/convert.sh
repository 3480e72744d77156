# SPDX-License-Identifier: Apache-2.0
# Another file format, the same images; a fresh network and its measurement.
net=data/stylegan/sg2-32.pkl
t convert $net sg2.safetensors
t generate --network $net --seeds 0-3 --format npy --outdir pkl --quiet
t generate --network sg2.safetensors --seeds 0-3 --format npy --outdir own --quiet
cmp pkl/images.npy own/images.npy && echo same images
t generate --network $net --seeds 1 --outdir pkl --quiet
t replay pkl/seed0001.png --network sg2.safetensors
t convert $net half.safetensors --dtype f16 --net G_ema
[ $(stat -c %s half.safetensors) -lt $(($(stat -c %s sg2.safetensors) / 2)) ] && echo smaller
t generate --network half.safetensors --seeds 0-3 --format npy --outdir half --quiet
cmp -s pkl/images.npy half/images.npy || echo other images
t convert $net x.safetensors --net G_best
t convert $net x.pkl
t convert $net -
t init x.pth
t blend $net $net --alpha 0.5 --out x.CKPT
for seed in 1 1 2; do
    t init --cfg stylegan2 --resolution 16 --cbase 256 --cmax 16 --map-depth 2 --seed $seed new.safetensors
    cksum <new.safetensors >>sums
done
uniq sums | wc -l
t init --cfg stylegan9 other.safetensors
t generate --network new.safetensors --seeds 0 --outdir new
t bench --network new.safetensors --runs 1 --layers | sed 's/  .*//; s/[0-9.x]*//g' | head -3
"$ATELIER" bench --resolution 16 --cbase 256 --cmax 16 --runs 1 --json | grep -o '"[a-z_]*":' | sort
ls
