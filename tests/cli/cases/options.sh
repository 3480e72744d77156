# SPDX-License-Identifier: Apache-2.0
# Wrong options: exit status 2, what was expected, the nearest name.
t generate
t generate --seeds 1 --latents x.npy
t generate --seed 1
t generate --seeds
t generate --seeds 5-3
t generate --seeds 1,x
t generate --seeds 1 --trunc abc
t generate --seeds 1 --batch 0
t generate --seeds 1 --noise-mode loud
t generate --seeds 1 --format bmp
t generate --seeds 1 --grid 3
t generate --seeds 1 --grid 3x3 --format npy
t generate --seeds 1 --class 1 --labels x.npy
t generate --seeds 1 --quiet=loud
t generate --seeds 1 extra
t generate -s 1
t mix --rows 1
t mix --rows 1 --cols 2 --styles a
t replay
t replay a.png b.png
t inspect
t convert only-one
t convert a b --dtype f64
t init
t init --resolution 3 a.safetensors
t bench --runs 0
t bench --threads 0
t bench --cpu pentium
ATELIER_THREADS=many t bench
ATELIER_CPU=386 t bench
