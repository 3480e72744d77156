# SPDX-License-Identifier: Apache-2.0
# atelier serve: what its options refuse, and a studio on the loopback that a client in Python asks for pictures.
. "$(dirname "$case")/../studio.sh"
t serve --port 70000
t serve --listen 0.0.0.0
t serve --token 'a b'
t serve --listen nowhere --token x --port 0
t serve missing.pkl
open_studio
ask_studio basics
ask_studio inside
close_studio
ls kept
