# SPDX-License-Identifier: Apache-2.0
# atelier serve: what its options refuse, and a studio on the loopback that a client in Python asks for pictures.
. "$(dirname "$case")/../studio.sh"
t serve --port 70000
t serve --listen 0.0.0.0
t serve --token 'a b'
t serve --listen nowhere --token x --port 0
t serve missing.pkl
"$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 512 --cmax 16 --map-depth 2 --cond 3 --seed 4 --quiet \
    classes.safetensors
open_studio classes.safetensors
ask_studio basics
ask_studio inside
close_studio
ls kept
